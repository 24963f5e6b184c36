import { z } from 'zod';
import { MAX_STEP_NUMBER } from '../../protocol/agent-api.ts';
import type { LogStore } from '../log-store.ts';
import { failure, unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Access, Endpoint } from './endpoint.ts';
import type { Streaming } from './event-endpoint.ts';
import { ordinal } from './ordinal.ts';
import { followLog, readBytes, readLines } from './log-text.ts';
import { rangeOf } from './range-header.ts';
import { searchRun } from './search-run.ts';
import { streamResponse } from './stream-response.ts';
import type { JobLogs } from './view-operations.ts';

const access: Access = { kind: 'scope', scope: 'runs:read' };
const TEXT = 'text/plain; charset=utf-8';

const stepNumber = z.coerce.number().int().min(0).max(MAX_STEP_NUMBER);

const attemptQuery = {
  attempt: ordinal.optional().describe('An earlier attempt of the run; default: the last.'),
  try: ordinal.optional().describe('An earlier try at the job, such as one that was lost.'),
};
const logQuery = z.strictObject({
  ...attemptQuery,
  from_line: z.coerce.number().int().positive().optional().describe('Lines count from 1.'),
  count: z.coerce.number().int().positive().optional().describe('Lines at most.'),
  follow: z.stringbool().default(false).describe('Streams what comes until the log has its end.'),
});
const searchQuery = z.strictObject({
  ...attemptQuery,
  q: z.string().min(1).max(1_000),
  pattern: z.stringbool().default(false).describe('`q` is a regular expression.'),
  job: z.string().optional(),
  step: stepNumber.optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});

/** Logs of steps as text, while they grow and afterwards. */
export function logEndpoints(streaming: Streaming, logs: LogStore): Endpoint[] {
  const { store } = streaming;
  const find = async (
    run: number,
    job: string | null,
    query: { attempt?: number | undefined; try?: number | undefined },
  ): Promise<JobLogs[]> => {
    const input = { run, job, attempt: query.attempt ?? null, try: query.try ?? null };
    return unwrap(await store.execute('find-logs', input)).jobs;
  };
  return [
    endpoint({
      method: 'get',
      path: '/v1/runs/{run}/jobs/{job}/steps/{step}/log',
      summary: 'The log of a step: the whole, lines, bytes (Range), or as it grows.',
      access,
      params: z.strictObject({
        run: z.coerce.number().int(),
        job: z.string(),
        step: stepNumber,
      }),
      query: logQuery,
      reply: { kind: 'text', status: 200 },
      errors: [404, 416],
      handle: async (call) => {
        const { params, query, header, signal } = call;
        const [found] = await find(params.run, params.job, query);
        const attempt = found?.attempt ?? null;
        if (attempt === null) throw failure('not_found', null, `the job ${params.job} has not started: it has no log`);
        const place = { attempt, step: params.step };
        const range = rangeOf(header('range'));
        if (range) return await readBytes(logs, place, range);
        const from = query.from_line === undefined ? { byte: 0 } : { line: query.from_line };
        if (!query.follow) return await readLines(logs, streaming, call, place, from, query.count ?? null);
        return streamResponse(followLog(streaming, logs, params.run, place, from, signal), call, streaming, {
          'Content-Type': TEXT,
          'X-Accel-Buffering': 'no',
        });
      },
    }),
    endpoint({
      method: 'get',
      path: '/v1/runs/{run}/log',
      summary: 'The logs of a run, or of one of its jobs, one after the other, each line with its job and step.',
      access,
      params: z.strictObject({ run: z.coerce.number().int() }),
      query: z.strictObject({ ...attemptQuery, job: z.string().optional() }),
      reply: { kind: 'text', status: 200 },
      errors: [404],
      handle: async (call) => {
        const jobs = await find(call.params.run, call.query.job ?? null, call.query);
        return streamResponse(runLog(logs, jobs, call.signal), call, streaming, { 'Content-Type': TEXT });
      },
    }),
    endpoint({
      method: 'get',
      path: '/v1/runs/{run}/logs/search',
      summary: 'Lines that have a text, one JSON object a line; the last one says whether that was all.',
      access,
      params: z.strictObject({ run: z.coerce.number().int() }),
      query: searchQuery,
      reply: { kind: 'ndjson', status: 200 },
      errors: [404],
      handle: async (call) => {
        const { params, query, signal } = call;
        if (query.pattern) demandPattern(query.q);
        const jobs = await find(params.run, query.job ?? null, query);
        const hits = searchRun(logs, streaming.clock, jobs, query, signal);
        return streamResponse(hits, call, streaming, { 'Content-Type': 'application/x-ndjson; charset=utf-8' });
      },
    }),
  ];
}

/** As `gh run view --log` has it: job, step, line, with tabs between them. */
async function* runLog(logs: LogStore, jobs: readonly JobLogs[], signal: AbortSignal): AsyncGenerator<string> {
  for (const { job, attempt, steps } of jobs)
    for (const { number, name } of attempt === null ? [] : steps) {
      const prefix = `${job}\t${number} ${name}\t`;
      const decoder = new TextDecoder();
      let rest = '';
      for (let byte = 0; !signal.aborted;) {
        const slice = await logs.read(attempt ?? '', number, { byte }, CHUNK_BYTES);
        if (!slice.ok || slice.value.bytes.length === 0) break;
        byte += slice.value.bytes.length;
        const lines = (rest + decoder.decode(slice.value.bytes, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        if (lines.length > 0) yield lines.map((line) => `${prefix}${line}\n`).join('');
      }
      if (rest !== '') yield `${prefix}${rest}\n`;
    }
}

const CHUNK_BYTES = 256 * 1024;

function demandPattern(text: string): void {
  try {
    new RegExp(text, 'u');
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw failure('invalid', null, `the pattern is no regular expression: ${why}`);
  }
}
