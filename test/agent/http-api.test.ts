/** The agent's client against the server's own routes, and against what stands in the way of them. */
import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type HttpApi, openHttpApi } from '../../src/agent/http-api.ts';
import { CHAIN_START } from '../../src/kernel/record-chain.ts';
import type { SessionRequest } from '../../src/protocol/agent-api.ts';
import { mintToken } from '../../src/server/secrets/token.ts';
import { DIRECT } from '../support/direct-network.ts';
import { openTestApi } from '../support/test-api.ts';
import { refusal, ScriptedServer } from './scripted-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function client(url: string, network = DIRECT): Promise<HttpApi> {
  const api = await openHttpApi(url, network, '0.1.0');
  closing.push(() => api.close());
  return api;
}

async function overRoutes(): Promise<{ server: ScriptedServer; api: HttpApi }> {
  const server = new ScriptedServer(() => 0);
  server.token = mintToken('session', randomBytes(32)).token;
  const routes = await openTestApi({ agents: server.bound() });
  closing.push(() => routes.stop());
  return { server, api: await client(routes.url) };
}

async function listen(answer: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const SESSION: SessionRequest = {
  runner: 'r1',
  nonce: 'n',
  signature: 's',
  protocol: 1,
  version: '0.1.0',
  features: [],
  machineId: 'm',
  bootId: 'b',
  slots: 1,
  labels: ['self-hosted'],
  ephemeral: false,
  takeover: false,
  attempts: [],
};

describe('over the routes of a server', () => {
  it('every call says and hears the same as in one process', async () => {
    const { server, api } = await overRoutes();
    expect(await api.nonce()).toMatchObject({ ok: true, value: { nonce: 'nonce-1' } });
    const opened = await api.openSession(SESSION);
    if (!opened.ok) throw new Error(opened.error.message);
    const key = { session: opened.value.session, token: opened.value.token };
    const attempt = server.offer('a1', { repository: 'octo/app' });
    const { fence } = attempt;
    const polled = await api.poll(key, { freeSlots: 1, takesWork: true, holding: [] }, new AbortController().signal);
    expect(polled).toMatchObject({ ok: true, value: { offers: [{ attempt: 'a1', fence, repository: 'octo/app' }] } });
    const accepted = await api.accept(key, 'a1', fence);
    expect(accepted).toMatchObject({
      ok: true,
      value: { leaseMs: 60_000, policy: 'at-most-once', message: { key: 'build' } },
    });
    const record = JSON.stringify({ kind: 'job-started', at: '2026-01-01T00:00:00.000Z' });
    const entry = {
      attempt: 'a1',
      fence,
      from: 1,
      before: CHAIN_START,
      records: [record],
      logs: [{ step: 1, length: 3 }],
    };
    expect(await api.sync(key, { attempts: [entry] })).toMatchObject({
      ok: true,
      value: { attempts: [{ ack: 1, result: 'ok' }] },
    });
    expect(attempt.texts).toEqual([record]);
    const bytes = Buffer.from([0, 255, 10]);
    const chunk = { attempt: 'a1', step: 1, fence, crc32: crc32(bytes).toString(16).padStart(8, '0'), bytes };
    expect(await api.appendLog(key, { ...chunk, offset: 0 })).toEqual({ ok: true, value: { received: 3, durable: 3 } });
    expect(await api.appendLog(key, { ...chunk, offset: 9 })).toMatchObject({
      ok: false,
      error: { reason: 'wrong-offset', detail: { offset: 3 } },
    });
    const more = [
      { ...chunk, step: 2, offset: 0 },
      { ...chunk, offset: 9 },
      { ...chunk, offset: 3 },
    ];
    expect(await api.appendLogs(key, more)).toMatchObject({
      ok: true,
      value: [
        { ok: true, value: { received: 3, durable: 3 } },
        { ok: false, error: { code: 'invalid', reason: 'wrong-offset', detail: { offset: 3 } } },
        { ok: true, value: { received: 6, durable: 6 } },
      ],
    });
    expect(attempt.logs.get(2)).toEqual(bytes);
    expect(attempt.logs.get(1)).toEqual(Buffer.concat([bytes, bytes]));
    expect(await api.drain(key)).toEqual({ ok: true, value: { outstanding: ['a1'] } });
    expect(await api.decline(key, 'a1', { fence, reason: 'no', final: false })).toEqual({ ok: true, value: null });
    expect(await api.closeSession(key)).toEqual({ ok: true, value: null });
    expect(server.closed).toEqual([key.session]);
  });

  it('errors come with code, reason and detail', async () => {
    const { server, api } = await overRoutes();
    server.fail('nonce', refusal('unavailable', 'rate-limited', { retryAfterMs: 1_500 }));
    expect(await api.nonce()).toEqual({
      ok: false,
      error: {
        code: 'unavailable',
        reason: 'rate-limited',
        message: 'refused: rate-limited',
        detail: { retryAfterMs: 1_500 },
      },
    });
  });

  it('a poll that nobody waits for any more rejects', async () => {
    const { server, api } = await overRoutes();
    const opened = await api.openSession(SESSION);
    if (!opened.ok) throw new Error(opened.error.message);
    const controller = new AbortController();
    const polled = api.poll(opened.value, { freeSlots: 0, takesWork: false, holding: [] }, controller.signal);
    await server.until(() => server.polls.length === 1);
    controller.abort(new Error('enough'));
    await expect(polled).rejects.toThrow('enough');
  });
});

describe('what is no answer of a server is none at all', () => {
  it.each([
    ['a login page', 200, 'text/html', '<html>Log in</html>'],
    ['the page of a proxy', 502, 'text/html', '<html>Bad gateway</html>'],
    ['JSON of somebody else', 200, 'application/json', '{"hello":"world"}'],
    ['an error of somebody else', 403, 'application/json', '{"message":"forbidden"}'],
    ['nothing', 200, 'application/json', ''],
    ['a redirect', 302, 'text/plain', ''],
  ])('%s', async (_, status, type, text) => {
    const { url } = await listen((_request, response) => {
      response.writeHead(status, { 'content-type': type, location: 'http://127.0.0.1:9/' }).end(text);
    });
    const api = await client(url);
    const result = await api.nonce();
    expect(result).toMatchObject({ ok: false, error: { code: 'unavailable', reason: 'network' } });
    expect(await api.openSession(SESSION)).toMatchObject({ ok: false, error: { reason: 'network' } });
  });

  it('a server that is not there, said by the system’s own words', async () => {
    const { server, url } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const result = await (await client(url)).nonce();
    expect(result).toMatchObject({
      ok: false,
      error: { reason: 'network', message: expect.stringContaining('ECONNREFUSED') },
    });
  });

  it('a connection that breaks in the middle', async () => {
    const { url } = await listen((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"nonce"');
      response.socket?.destroy();
    });
    expect(await (await client(url)).nonce()).toMatchObject({ ok: false, error: { reason: 'network' } });
  });

  it('a log whose answer has no offsets', async () => {
    const { url } = await listen((_request, response) => void response.writeHead(204).end());
    const chunk = { attempt: 'a', step: 1, fence: 1, offset: 0, crc32: '00000000', bytes: new Uint8Array() };
    const result = await (await client(url)).appendLog({ session: 's', token: 't' }, chunk);
    expect(result).toMatchObject({ ok: false, error: { reason: 'network' } });
  });
});

describe('an answer to several logs', () => {
  it('that is not for all of them is none', async () => {
    const { url } = await listen((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"results":[{"received":1,"durable":1}]}');
    });
    const chunk = { attempt: 'a', step: 1, fence: 1, offset: 0, crc32: '00000000', bytes: new Uint8Array(1) };
    const result = await (await client(url)).appendLogs({ session: 's', token: 't' }, [chunk, { ...chunk, step: 2 }]);
    expect(result).toMatchObject({ ok: false, error: { reason: 'network' } });
  });
});

describe('connections', () => {
  it('a held poll does not keep others from the server', async () => {
    const held: string[] = [];
    const { url } = await listen((request, response) => {
      if (request.url?.endsWith('/poll')) held.push(request.url);
      else response.writeHead(201, { 'content-type': 'application/json' }).end('{"nonce":"n"}');
    });
    const api = await client(url);
    const controller = new AbortController();
    const polled = api.poll(
      { session: 's', token: 't' },
      { freeSlots: 0, takesWork: true, holding: [] },
      controller.signal,
    );
    for (let turn = 0; turn < 20; turn++) expect((await api.nonce()).ok).toBe(true);
    expect(held).toEqual(['/v1/sessions/s/poll']);
    controller.abort();
    await expect(polled).rejects.toThrow();
  });

  it('that went dead are left as soon as the server is heard of again', async () => {
    let answers = true;
    const unanswered: string[] = [];
    const { url } = await listen((request, response) => {
      if (!answers || request.method === 'PATCH') return void unanswered.push(request.url ?? '');
      const reply = { attempts: [], leaseMs: 2_000, logIntervalMs: 1_000 };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
    const api = await client(url);
    const key = { session: 's', token: 't' };
    expect(await api.sync(key, { attempts: [] })).toMatchObject({ ok: true });
    const chunk = { attempt: 'a', step: 1, fence: 1, offset: 0, crc32: '00000000', bytes: new Uint8Array([1]) };
    const log = api.appendLog(key, chunk);
    answers = false;
    expect(await api.sync(key, { attempts: [] })).toMatchObject({ ok: false, error: { reason: 'network' } });
    answers = true;
    // As the agent does: a machine that is busy may miss an answer once more.
    while (!(await api.sync(key, { attempts: [] })).ok);
    expect(await log).toMatchObject({ ok: false, error: { reason: 'network' } });
    expect(unanswered[0]).toContain('/logs/1');
  });
});
