/** The routes over real HTTP on a real store; what is behind the services is the test's. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { SILENT_LOG } from '../../src/kernel/diagnostic-log.ts';
import type { AgentApi } from '../../src/protocol/agent-api.ts';
import type { Scope } from '../../src/protocol/run-api.ts';
import { Admission } from '../../src/server/http/admission.ts';
import { createApp } from '../../src/server/http/app.ts';
import type { App } from '../../src/server/http/app.ts';
import type { Endpoint } from '../../src/server/http/endpoint.ts';
import { endpointsOf } from '../../src/server/http/endpoints-of.ts';
import { errorSchema, statusesOf } from '../../src/server/http/openapi-document.ts';
import { HeldRequests } from '../../src/server/http/held-requests.ts';
import { openHttpServer } from '../../src/server/http/http-server.ts';
import { Limits } from '../../src/server/http/limits.ts';
import { Wakeups } from '../../src/server/http/wakeups.ts';
import type { LogStore } from '../../src/server/log-store.ts';
import type { RunService } from '../../src/server/runs/run-service.ts';
import { SecretBox } from '../../src/server/secrets/secret-box.ts';
import { mintToken } from '../../src/server/secrets/token.ts';
import type { TokenKind } from '../../src/server/secrets/token.ts';
import { openTestStore } from './server-database.ts';
import type { TestStore } from './server-database.ts';

export interface TestApi {
  readonly url: string;
  readonly app: App;
  readonly endpoints: readonly Endpoint[];
  readonly store: TestStore;
  readonly box: SecretBox;
  /** What is held or streamed at the moment. */
  readonly held: HeldRequests;
  /** Streams under way. */
  viewers(): number;
  /** Seconds from live events until they were written. */
  readonly lags: readonly number[];
  /** Attempts whose logs are watched. */
  readonly watched: ReadonlySet<string>;
  /** A new token of a kind that the store knows; a session's is known to nobody. */
  token(scopes: readonly Scope[], kind?: TokenKind, expiresMs?: number): Promise<string>;
  fetch(
    path: string,
    init?: RequestInit & { readonly token?: string | null; readonly json?: unknown },
  ): Promise<Response>;
  stop(): Promise<void>;
}

/** `fetch` uses an admin's token, unless it is told another one. */
export async function openTestApi(
  services: {
    readonly agents?: Partial<AgentApi>;
    readonly runs?: Partial<RunService>;
    readonly logs?: Partial<LogStore>;
    readonly clock?: Clock;
  } = {},
): Promise<TestApi> {
  const clock = services.clock ?? systemClock;
  const store = await openTestStore({ database: 'sqlite', clock });
  const wakeups = new Wakeups(store, clock);
  const held = new HeldRequests();
  const watched = new Set<string>();
  const lags: number[] = [];
  let viewers = 0;
  const box = new SecretBox(randomBytes(32), randomBytes);
  const endpoints = endpointsOf({
    store,
    wakeups,
    clock,
    box,
    log: SILENT_LOG,
    agents: partial<AgentApi>('agents', services.agents),
    runs: partial<RunService>('runs', services.runs),
    logs: partial<LogStore>('logs', services.logs),
    maxWorkflowMb: 1,
    version: '1.2.3',
    randomBytes,
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: '# none\n' }),
    onEventLag: (seconds) => void lags.push(seconds),
    onViewers: (change) => void (viewers += change),
    watchLogs: (attempt) => {
      watched.add(attempt);
      return () => void watched.delete(attempt);
    },
  });
  let requests = 0;
  const serving = {
    store,
    clock,
    log: SILENT_LOG,
    limits: new Limits(() => clock.monotonic()),
    admission: new Admission(),
    held,
    requestId: () => `request-${String(++requests)}`,
    onAnswer: () => undefined,
  };
  const app = createApp(endpoints, serving, '1.2.3');
  const server = await openHttpServer(
    (request, env) => app.fetch(request, env),
    { held, clock },
    { host: '127.0.0.1', port: 0, onError: fail },
  );
  const url = `http://127.0.0.1:${server.port}`;
  const token: TestApi['token'] = async (scopes, kind = 'user', expiresMs) => {
    const minted = mintToken(kind, randomBytes(32));
    if (kind === 'session') return minted.token;
    const input = { actor: 'test', kind, name: 'bot', hash: minted.hash, scopes, uses: null };
    const created = await store.execute('create-token', { ...input, expiresMs: expiresMs ?? null });
    if (!created.ok) throw new Error(created.error.message);
    return minted.token;
  };
  const admin = await token(['admin']);
  return {
    url,
    app,
    endpoints,
    store,
    box,
    held,
    watched,
    lags,
    viewers: () => viewers,
    token,
    fetch: async (path, { token: asked = admin, json, ...init } = {}) => {
      const headers = new Headers(init.headers);
      if (asked !== null) headers.set('authorization', `Bearer ${asked}`);
      if (json !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
      const body = json === undefined ? {} : { body: JSON.stringify(json), method: init.method ?? 'POST' };
      const answer = await fetch(`${url}${path}`, { ...init, ...body, headers });
      await expectDescribed(
        endpoints,
        (init.method ?? (json === undefined ? 'GET' : 'POST')).toLowerCase(),
        path,
        answer,
      );
      return answer;
    },
    stop: async () => {
      await server.stop();
      wakeups.close();
      await store.close();
    },
  };
}

/** Every answer of every test is one that the document has: its status, and what is in it. */
async function expectDescribed(
  endpoints: readonly Endpoint[],
  method: string,
  path: string,
  answer: Response,
): Promise<void> {
  const pathname = new URL(path, 'http://x').pathname;
  const route = endpoints.find(
    (one) => one.method === method && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  );
  if (!answer.headers.get('content-type')?.startsWith('application/json')) return;
  const value: unknown = await answer.clone().json();
  if (!answer.ok) {
    errorSchema.parse(value);
    if (route && !statusesOf(route).includes(answer.status) && answer.status !== 500)
      throw new Error(`${method} ${path} answers ${answer.status}, which its description has not`);
    return;
  }
  if (route?.reply.kind !== 'json' || !route.reply.schema) return;
  const parsed = route.reply.schema.safeParse(value);
  if (!parsed.success) throw new Error(`${method} ${path} answers what it does not describe: ${parsed.error.message}`);
  if (answer.status !== route.reply.status) throw new Error(`${method} ${path} answers ${answer.status}`);
}

function fail(error: Error): void {
  throw error;
}

function partial<T extends object>(name: string, given: Partial<T> = {}): T {
  return new Proxy(given, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (value === undefined) throw new Error(`this test gives no ${name}.${String(key)}`);
      return value;
    },
  }) as T;
}
