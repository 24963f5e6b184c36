/** A whole server: what it makes at its start, what it leaves at its end, and that it writes down who changed what. */
import { readdir, readFile, rm, stat, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_RUNNER_CONFIG } from '../../src/config/runner-config.ts';
import { SILENT_LOG } from '../../src/kernel/diagnostic-log.ts';
import type { AuditEntry, RunView, SubmitReply } from '../../src/protocol/run-api.ts';
import type { RunningServer, ServerOptions } from '../../src/server/running-server.ts';
import { startServer } from '../../src/server/start-server.ts';
import { bundle, bundleFolder } from '../support/bundle.ts';

let threads: string;
let storeThreadFile: string;
let searchThreadFile: string;
let dataDirectory: string;
const running: RunningServer[] = [];

beforeAll(async () => {
  threads = await bundleFolder();
  storeThreadFile = await bundle(new URL('../../src/server/storage/store-thread.ts', import.meta.url), threads);
  searchThreadFile = await bundle(new URL('../../src/server/logs/search-thread.ts', import.meta.url), threads);
});
afterAll(() => rm(threads, { recursive: true, force: true }));
beforeEach(async () => {
  dataDirectory = join(await mkdtemp(join(tmpdir(), 'paceline-server-')), 'data');
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  await rm(join(dataDirectory, '..'), { recursive: true });
});

async function start(config: Partial<ServerOptions['config']> = {}): Promise<RunningServer> {
  const server = await startServer({
    config: { ...DEFAULT_RUNNER_CONFIG.server, listen: '127.0.0.1:0', ...config },
    baseUrl: 'https://github.test',
    dataDirectory,
    log: SILENT_LOG,
    environment: { PATH: process.env.PATH },
    storeThreadFile,
    searchThreadFile,
    version: '1.2.3',
    onFatal: (error) => {
      throw error;
    },
  });
  running.push(server);
  return server;
}

async function ask(server: RunningServer, method: string, path: string, json?: unknown): Promise<Response> {
  const token = (await readFile(server.adminTokenFile, 'utf8')).trim();
  return await fetch(server.url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
}

const WORKFLOW = 'on: push\njobs:\n  build:\n    runs-on: linux\n    steps:\n      - run: true\n';
const SUBMISSION = { workflow: { path: '.github/workflows/ci.yml', text: WORKFLOW } };

describe('a server', () => {
  it('makes database, key and first token at its first start, for the owner alone, and keeps them', async () => {
    const first = await start();
    expect(first.port).toBeGreaterThan(0);
    expect(first.adminToken).toBe((await readFile(first.adminTokenFile, 'utf8')).trim());
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o700);
    for (const file of ['admin-token', 'secrets.key'])
      expect((await stat(join(dataDirectory, file))).mode & 0o777).toBe(0o600);
    expect((await ask(first, 'GET', '/readyz')).status).toBe(200);
    await ask(first, 'POST', '/v1/runs', SUBMISSION);
    await first.stop();

    const second = await start();
    expect(second.adminToken).toBeNull();
    const { state, jobs } = (await (await ask(second, 'GET', '/v1/runs/1')).json()) as RunView;
    expect([state, jobs[0]?.waiting]).toEqual(['running', 'no runner has the labels linux']);
  });

  it('holds what waits against its settings at every start', async () => {
    const submission = {
      workflow: { path: '.github/workflows/ci.yml', text: WORKFLOW.replace('on: push', 'on: pull_request') },
      event: 'pull_request',
      payload: { pull_request: { head: { repo: { full_name: 'somebody/site' } } } },
    };
    const waiting = async (server: RunningServer): Promise<string | null | undefined> => {
      const { jobs } = (await (await ask(server, 'GET', '/v1/runs/1')).json()) as RunView;
      return jobs[0]?.waiting;
    };
    const open = await start({ untrustedRuns: 'anywhere' });
    expect((await ask(open, 'POST', '/v1/runs', submission)).status).toBe(201);
    expect(await waiting(open)).toBe('no runner has the labels linux');
    await open.stop();
    expect(await waiting(await start())).toMatch(/^its run is of a fork/);
  });

  it('stops at once with viewers that follow, and leaves nothing open', async () => {
    const server = await start();
    await ask(server, 'POST', '/v1/runs', SUBMISSION);
    const events = await ask(server, 'GET', '/v1/runs/1/events');
    const [text] = await Promise.all([events.text(), server.stop(), server.stop()]);
    // A connection that had to be cut would have failed instead.
    expect(text).toContain('run-started');
    await expect(ask(server, 'GET', '/healthz')).rejects.toThrow('fetch failed');
    const again = await start({ listen: `127.0.0.1:${server.port}` });
    expect(again.port).toBe(server.port);
  });

  it('does not touch its data when it cannot have its port', async () => {
    const first = await start();
    const own = dataDirectory;
    dataDirectory = join(own, '..', 'other');
    await expect(start({ listen: `127.0.0.1:${first.port}` })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(await readdir(dataDirectory)).toEqual([]);
    dataDirectory = own;
  });

  it('says so when its database is another server’s, or its key another one, and leaves nothing open', async () => {
    const first = await start();
    await expect(start()).rejects.toMatchObject({ name: 'DatabaseOpenError' });
    await first.stop();
    await expect(start({ keyCommand: 'head -c 32 /dev/zero | base64' })).rejects.toMatchObject({ name: 'KeyError' });
    await start();
  });

  it('starts when its PostgreSQL can be had, and says so when it cannot', async () => {
    const away = start({ database: 'postgres://nobody@127.0.0.1:1/none' });
    await expect(away).rejects.toMatchObject({ name: 'DatabaseOpenError' });
  });
});

describe('the audit', () => {
  it('has every change that somebody asked for, and nobody’s secret', async () => {
    const server = await start();
    const changes: [string, string, unknown?][] = [
      ['POST', '/v1/runs', SUBMISSION],
      ['POST', '/v1/runs/1/cancel', {}],
      ['POST', '/v1/runs/1/rerun', { jobs: 'failed' }],
      ['POST', '/v1/tokens', { name: 'bot', scopes: ['runs:read'] }],
      ['DELETE', '/v1/tokens/2'],
      ['PUT', '/v1/repositories/octo/app', { cloneUrl: 'https://github.test/octo/app' }],
      ['PUT', '/v1/secrets/TOKEN?repository=octo/app', { value: 'hunter2' }],
      ['DELETE', '/v1/secrets/TOKEN?repository=octo/app'],
      ['PUT', '/v1/variables/LEVEL', { value: 'hunter3' }],
      ['DELETE', '/v1/variables/LEVEL'],
      ['DELETE', '/v1/repositories/octo/app'],
    ];
    for (const [method, path, body] of changes) {
      const answer = await ask(server, method, path, body);
      expect({ method, path, ok: answer.ok, text: answer.ok ? '' : await answer.text() }).toMatchObject({ ok: true });
    }
    const { entries } = (await (await ask(server, 'GET', '/v1/audit')).json()) as { entries: AuditEntry[] };
    expect(entries.map(({ action, target }) => `${action} ${target}`).reverse()).toEqual([
      'token.create token 1',
      'run.submit run 1',
      'run.cancel run 1',
      'run.rerun run 1',
      'token.create token 2',
      'token.revoke token 2',
      'repository.set repository octo/app',
      'secret.set secret octo/app/TOKEN',
      'secret.delete secret octo/app/TOKEN',
      'variable.set variable LEVEL',
      'variable.delete variable LEVEL',
      'repository.delete repository octo/app',
    ]);
    expect(new Set(entries.map(({ actor }) => actor.replace(/ \(token 1\)$/, '')))).toEqual(
      new Set(['server', 'admin']),
    );
    expect(JSON.stringify(entries)).not.toContain('hunter');
  });
});

describe('a submission', () => {
  it('of a workflow with errors is answered with where they are', async () => {
    const server = await start();
    const workflow = { path: 'ci.yml', text: WORKFLOW.replace('runs-on', 'runs-at') };
    const answer = await ask(server, 'POST', '/v1/runs', { workflow });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { code: 'invalid', detail: { diagnostics: [{ severity: 'error', file: 'ci.yml', line: 4 }] } },
    });
  });

  it('of a thousand jobs is taken, of more than the server allows refused with the number', async () => {
    const server = await start({ maxJobs: 1_000 });
    const jobs = (count: number): string =>
      `on: push\njobs:\n${Array.from({ length: count }, (_, n) => `  j${n}:\n    runs-on: nobody\n    steps: [{ run: 'true' }]\n`).join('')}`;
    const submit = (text: string): Promise<Response> =>
      ask(server, 'POST', '/v1/runs', { workflow: { path: 'big.yml', text } });
    const taken = await submit(jobs(1_000));
    expect(taken.status).toBe(201);
    const { runs } = (await taken.json()) as SubmitReply;
    const view = (await (await ask(server, 'GET', `/v1/runs/${runs[0]!.id}`)).json()) as RunView;
    expect(view.jobs).toHaveLength(1_000);
    expect(new Set(view.jobs.map(({ waiting }) => waiting))).toEqual(new Set(['no runner has the labels nobody']));
    const refused = await submit(jobs(1_001));
    expect(refused.status).toBe(413);
    expect(await refused.text()).toMatch(/1001|1000/);
  });
});
