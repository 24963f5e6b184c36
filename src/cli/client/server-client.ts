import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { systemClock } from '../../kernel/clock.ts';
import type { NewToken, RepositoryView, SecretView, TokenList, VariableView } from '../../protocol/keeping-api.ts';
import type {
  AuditEntry,
  RunnerView,
  RunSummary,
  RunView,
  SubmitReply,
  SubmitRequest,
  TokenRequest,
} from '../../protocol/run-api.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { CliHost } from '../cli-host.ts';
import { clientNetwork } from './client-network.ts';
import type { LogPlace } from './follow-log.ts';
import { valueOf } from './request-problem.ts';
import { type ServerChoice, chooseServer, type ServerFlags } from './server-choice.ts';
import { type OpenAnswer, Transport } from './transport.ts';

/** Which runs a list has. */
export interface RunFilter {
  readonly repository?: string;
  readonly state?: string;
  readonly limit: number;
}

/** Which entries of the audit a list has. */
export interface AuditFilter {
  readonly since?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly limit: number;
}

/**
 * People's part of the API, typed: a method for each of its requests, which makes the file long. Every method throws a
 * `CommandProblem` with one sentence and the exit code for what the server refuses, or for no answer at all.
 */
export class ServerClient {
  readonly #transport: Transport;
  readonly #schemas: Schemas;
  readonly #signal: AbortSignal;

  private constructor(transport: Transport, schemas: Schemas, signal: AbortSignal) {
    this.#transport = transport;
    this.#schemas = schemas;
    this.#signal = signal;
  }

  static async open(
    choice: ServerChoice,
    host: CliHost,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<ServerClient> {
    const network = clientNetwork(choice.url, host);
    const transport = await Transport.open(choice, { network, version: host.version, clock: systemClock });
    return new ServerClient(transport, await loadSchemas(), signal);
  }

  get choice(): ServerChoice {
    return this.#transport.choice;
  }

  /** The same key may be sent twice: the runs are made once. */
  submit(request: Partial<SubmitRequest>): Promise<SubmitReply> {
    return this.ask('POST', '/v1/runs', this.#schemas.submitReplySchema, request, ONCE());
  }

  runs({ limit, ...filter }: RunFilter): Promise<RunSummary[]> {
    return this.#pages(limit, async (page) => {
      const { runs, cursor } = await this.ask(
        'GET',
        `/v1/runs${query({ ...filter, ...page })}`,
        this.#schemas.runListSchema,
      );
      return { items: runs, cursor };
    });
  }

  /** Newest first. */
  audit({ limit, ...filter }: AuditFilter): Promise<AuditEntry[]> {
    return this.#pages(limit, async (page) => {
      const { entries, cursor } = await this.ask(
        'GET',
        `/v1/audit${query({ ...filter, ...page })}`,
        this.#schemas.auditListSchema,
      );
      return { items: entries, cursor };
    });
  }

  run(id: number): Promise<RunView> {
    return this.ask('GET', `/v1/runs/${id}`, this.#schemas.runViewSchema);
  }

  /** Something of a run that goes on; `path` is what follows the run's own. */
  askRun(id: number, path: string, body: unknown): Promise<RunSummary> {
    return this.ask('POST', `/v1/runs/${id}/${path}`, this.#schemas.runSummarySchema, body, ONCE());
  }

  rerun(id: number, failed: boolean): Promise<RunSummary> {
    const body = { jobs: failed ? 'failed' : 'all' };
    return this.ask('POST', `/v1/runs/${id}/rerun`, this.#schemas.runSummarySchema, body, ONCE());
  }

  /** The log of a step from a line on; with `follow` as it grows, until it is complete. */
  openLog(
    place: LogPlace,
    { fromLine, follow }: { readonly fromLine: number; readonly follow: boolean },
    signal: AbortSignal,
  ): Promise<ApiResult<OpenAnswer>> {
    return this.#transport.open(`${logPath(place)}${query({ from_line: fromLine, follow })}`, {}, signal);
  }

  /** The log of a step as it is now. */
  async readLog(place: LogPlace, signal: AbortSignal): Promise<OpenAnswer> {
    return valueOf(await this.#transport.open(logPath(place), {}, signal), this.choice);
  }

  /** The number of the line that stands so many lines before the end of a step's log, at least 1. */
  async lateLine(place: LogPlace, before: number, signal: AbortSignal): Promise<number> {
    const opened = await this.#transport.open(`${logPath(place)}${query({ count: 1 })}`, {}, signal);
    if (!opened.ok) return 1;
    // Only the headers are wanted; the rest is one line.
    await opened.value.body[Symbol.asyncIterator]().next();
    return Math.max(Number(opened.value.header('x-log-lines') ?? 0) - before, 1);
  }

  /** The logs of a run or of a job, each line with its job and step. */
  async openLogs(run: number, job: string | null, signal: AbortSignal): Promise<OpenAnswer> {
    return valueOf(await this.#transport.open(`/v1/runs/${run}/log${query({ job })}`, {}, signal), this.choice);
  }

  /** Hits, one JSON object a line; the last one says whether that was all. */
  async searchLogs(
    run: number,
    search: Readonly<Record<string, string | number | boolean | null>>,
    signal: AbortSignal,
  ): Promise<OpenAnswer> {
    const path = `/v1/runs/${run}/logs/search${query(search)}`;
    return valueOf(await this.#transport.open(path, {}, signal), this.choice);
  }

  /** Server-sent events from the one after `lastEventId` on. */
  openEvents(run: number, lastEventId: string | null, signal: AbortSignal): Promise<ApiResult<OpenAnswer>> {
    const headers = { accept: 'text/event-stream', ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }) };
    return this.#transport.open(`/v1/runs/${run}/events?follow=run`, headers, signal);
  }

  async runners(): Promise<RunnerView[]> {
    return (await this.ask('GET', '/v1/runners', this.#schemas.runnerListSchema)).runners;
  }

  /** By name or id. */
  changeRunner(runner: string, change: 'pause' | 'resume' | 'drain'): Promise<unknown> {
    return this.ask('POST', `/v1/runners/${encodeURIComponent(runner)}/${change}`, null);
  }

  removeRunner(runner: string, force: boolean): Promise<unknown> {
    return this.ask('DELETE', `/v1/runners/${encodeURIComponent(runner)}${query({ force })}`, null);
  }

  tokens(): Promise<TokenList> {
    return this.ask('GET', `/v1/tokens${query({ limit: MAX_PAGE })}`, this.#schemas.tokenListSchema);
  }

  createToken(request: TokenRequest): Promise<NewToken> {
    return this.ask('POST', '/v1/tokens', this.#schemas.newTokenSchema, request);
  }

  revokeToken(id: number): Promise<unknown> {
    return this.ask('DELETE', `/v1/tokens/${id}`, null);
  }

  async secrets(repository: string | null): Promise<SecretView[]> {
    return (await this.ask('GET', `/v1/secrets${query({ repository })}`, this.#schemas.secretListSchema)).secrets;
  }

  setSecret(name: string, value: string, repository: string | null): Promise<SecretView> {
    const path = `/v1/secrets/${encodeURIComponent(name)}${query({ repository })}`;
    return this.ask('PUT', path, this.#schemas.secretViewSchema, { value });
  }

  async variables(repository: string | null): Promise<VariableView[]> {
    const path = `/v1/variables${query({ repository })}`;
    return (await this.ask('GET', path, this.#schemas.variableListSchema)).variables;
  }

  setVariable(name: string, value: string, repository: string | null): Promise<VariableView> {
    const path = `/v1/variables/${encodeURIComponent(name)}${query({ repository })}`;
    return this.ask('PUT', path, this.#schemas.variableViewSchema, { value });
  }

  removeKept(kind: 'secrets' | 'variables', name: string, repository: string | null): Promise<unknown> {
    return this.ask('DELETE', `/v1/${kind}/${encodeURIComponent(name)}${query({ repository })}`, null);
  }

  async repositories(): Promise<RepositoryView[]> {
    return (await this.ask('GET', '/v1/repositories', this.#schemas.repositoryListSchema)).repositories;
  }

  setRepository(
    name: string,
    request: { readonly cloneUrl: string | null; readonly defaultBranch: string | null },
  ): Promise<RepositoryView> {
    return this.ask('PUT', `/v1/repositories/${name}`, this.#schemas.repositoryViewSchema, request);
  }

  removeRepository(name: string): Promise<unknown> {
    return this.ask('DELETE', `/v1/repositories/${name}`, null);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Asks for page after page until there are `limit` items, or no more. */
  async #pages<Item>(
    limit: number,
    ask: (page: { limit: number; cursor: number | null }) => Promise<{ items: Item[]; cursor: number | null }>,
  ): Promise<Item[]> {
    const all: Item[] = [];
    let after: number | null = null;
    do {
      const page = await ask({ limit: Math.min(limit - all.length, MAX_PAGE), cursor: after });
      all.push(...page.items);
      after = page.cursor;
    } while (after !== null && all.length < limit);
    return all;
  }

  /** For requests that have functions of their own. */
  async ask<T>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    schema: z.ZodType<T> | null,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<T> {
    const request = { method, path, schema, body, ...(headers && { headers }) };
    return valueOf(await this.#transport.request(request, this.#signal), this.choice);
  }
}

const MAX_PAGE = 100;
/** What is asked again after a lost answer is done once. */
const ONCE = (): Record<string, string> => ({ 'idempotency-key': randomUUID() });

type Schemas = Awaited<ReturnType<typeof loadSchemas>>;

/** Loads zod, which a command that only prints its help does not need. */
async function loadSchemas() {
  const { z: schema } = await import('zod');
  const runs = await import('../../protocol/run-api.ts');
  const keeping = await import('../../protocol/keeping-api.ts');
  const runListSchema = schema.object({
    runs: schema.array(runs.runSummarySchema),
    cursor: schema.number().nullable(),
  });
  return { ...runs, ...keeping, runListSchema };
}

function logPath({ run, job, step }: LogPlace): string {
  return `/v1/runs/${run}/jobs/${encodeURIComponent(job)}/steps/${step}/log`;
}

function query(values: Readonly<Record<string, string | number | boolean | null | undefined>>): string {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

/** Opens the client that the flags choose, does the work and closes it. */
export async function withServer<T>(
  flags: ServerFlags,
  host: CliHost,
  work: (client: ServerClient) => Promise<T>,
): Promise<T> {
  const client = await ServerClient.open(await chooseServer(flags, host), host);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
