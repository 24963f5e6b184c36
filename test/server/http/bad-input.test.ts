/** What is not as it should be is answered with a sentence, and the server goes on. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiError } from '../../../src/protocol/api-error.ts';
import type { LogChunk } from '../../../src/protocol/agent-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

const MB = 1024 * 1024;

let api: TestApi;
let session: string;
const chunks: LogChunk[] = [];
const refuse = (error: Partial<ApiError>): { ok: false; error: ApiError } => ({
  ok: false,
  error: { code: 'invalid', reason: null, message: 'no', detail: null, ...error },
});

beforeAll(async () => {
  api = await openTestApi({
    agents: {
      appendLogs: (_key, several) => {
        chunks.push(...several);
        return Promise.resolve({ ok: true, value: [] });
      },
      appendLog: (_key, chunk) => {
        chunks.push(chunk);
        if (chunk.step === 7) return Promise.resolve(refuse({ reason: 'wrong-offset', detail: { offset: 5 } }));
        if (chunk.step === 8) return Promise.resolve(refuse({ reason: 'checksum' }));
        if (chunk.step === 9) return Promise.resolve(refuse({ code: 'unavailable', reason: 'disk-full' }));
        return Promise.resolve({ ok: true, value: { received: chunk.offset + chunk.bytes.length, durable: 3 } });
      },
      sync: () => Promise.reject(new Error('a bug with a secret in it: hunter2')),
    },
    runs: { submit: () => Promise.resolve({ ok: true, value: { runs: [], diagnostics: [] } }) },
  });
  session = await api.token([], 'session');
});
afterAll(() => api.stop());

async function errorOf(answer: Response): Promise<ApiError & { status: number }> {
  const { error } = (await answer.json()) as { error: ApiError };
  return { status: answer.status, ...error };
}

describe('a body', () => {
  it('that is not JSON is answered with the place', async () => {
    const answer = await api.fetch('/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{\n  "name": "x",\n  "scopes": [}\n}',
    });
    expect(await errorOf(answer)).toMatchObject({ status: 400, code: 'invalid', detail: { line: 3, column: 14 } });
  });

  it('that is empty, or JSON of another form, is answered with what is missing', async () => {
    const headers = { 'content-type': 'application/json' };
    expect(await errorOf(await api.fetch('/v1/tokens', { method: 'POST', headers, body: '' }))).toMatchObject({
      status: 400,
      message: expect.stringContaining('empty'),
    });
    expect(await errorOf(await api.fetch('/v1/tokens', { json: { name: 'x', scopes: ['all'] } }))).toMatchObject({
      status: 400,
      message: expect.stringContaining('scopes.0'),
    });
    expect(await errorOf(await api.fetch('/v1/tokens', { json: { name: 'x', color: 1 } }))).toMatchObject({
      status: 400,
      message: expect.stringContaining('color'),
    });
  });

  it('has the character U+0000 nowhere, nor has the path or the query: it would end a text', async () => {
    for (const [method, path, json] of [
      ['PUT', '/v1/secrets/KEY', { value: 'before\0after' }],
      ['PUT', '/v1/variables/KEY', { value: '\0' }],
      ['PUT', '/v1/repositories/o/r', { defaultBranch: 'ma\0in' }],
      ['POST', '/v1/runs', { workflow: { path: 'x.yml', text: 'on: push' }, payload: { deep: [{ 'a\0': 1 }] } }],
      ['DELETE', '/v1/runners/one%00', undefined],
      ['GET', '/v1/audit?actor=admin%00', undefined],
    ] as const)
      expect(await errorOf(await api.fetch(path, { method, ...(json && { json }) }))).toMatchObject({
        status: 400,
        message: expect.stringContaining('has the character U+0000'),
      });
    // What only looks like one.
    const value = String.raw`\u0000`;
    expect((await api.fetch('/v1/variables/KEY', { method: 'PUT', json: { value } })).status).toBe(200);
  });

  it('names a token by 1 to 100 characters that can be seen', async () => {
    const make = async (name: string): Promise<number> =>
      (await api.fetch('/v1/tokens', { json: { name, scopes: ['runs:read'] } })).status;
    // An alias, what is not seen, what turns the text around, and a second line for a log.
    const others = [
      'admin\0x',
      '',
      ' admin',
      'admin ',
      'ad\u200bmin',
      '\u202enimda',
      'a\nb',
      'a\u0085b',
      'x'.repeat(101),
    ];
    for (const name of others) expect([name, await make(name)]).toEqual([name, 400]);
    for (const name of ['new runners', 'Ada Lovelace (deploy)', 'Jürgen', '部署', '🚀', 'x'.repeat(100)])
      expect([name, await make(name)]).toEqual([name, 201]);
  });

  it('of another type is answered 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect(
        await errorOf(await api.fetch('/v1/tokens', { json: { name: 'x' }, headers: { 'content-type': type } })),
      ).toMatchObject({ status: 415, reason: 'content-type' });
    const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect(await errorOf(await api.fetch('/v1/tokens', { json: {}, headers: packed }))).toMatchObject({ status: 415 });
    const log = await patchLog(1, 0, 'x', { 'content-type': 'application/json' });
    expect(await errorOf(log)).toMatchObject({ status: 415 });
  });

  it('that is too large is answered 413, with the limit, when it is all read', async () => {
    const big = await errorOf(await api.fetch('/v1/tokens', { json: { name: 'x'.repeat(MB) } }));
    expect(big).toMatchObject({ status: 413, reason: 'too-large', detail: { limit: 512 * 1024 } });
    expect(big.message).toBe('the body is too large: at most 512 KB are taken here');
    expect(await errorOf(await patchLog(1, 0, 'x'.repeat(5 * MB)))).toMatchObject({ status: 413 });
    expect((await api.fetch('/v1/tokens')).status).toBe(200);
  });

  it('with keys that mean something to the language is refused or means nothing', async () => {
    const ask = (body: string): Promise<Response> =>
      api.fetch('/v1/tokens', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect((await ask('{"name": "x", "__proto__": {"scopes": ["admin"], "kind": "registration"}}')).status).toBe(400);
    expect((await ask('{"name": "x", "constructor": {"prototype": {"uses": 1}}}')).status).toBe(400);
    const payload = JSON.parse('{"__proto__": {"polluted": true}}') as unknown;
    await api.fetch('/v1/runs', { json: { workflow: { path: 'x.yml', text: 'on: push' }, payload } });
    expect({}).not.toHaveProperty('polluted');
    expect((await ask(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).status).toBe(400);
    expect((await ask(`{"name": "x", "expiresSeconds": 1e15}`)).status).toBe(400);
    expect((await ask(`{"name": "x", "kind": "registration", "uses": 1e12}`)).status).toBe(400);
  });

  it('that is cut off leaves nothing behind', async () => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"ru',
    );
    socket.resume();
    socket.end();
    await once(socket, 'close');
    expect((await api.fetch('/healthz')).status).toBe(200);
  });
});

describe('several logs', () => {
  const place = { attempt: 'a1', fence: 4, step: 1, offset: 0, crc32: '00000000', length: 3 };
  const batch = (heading: string, bytes: string, length = heading.length): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    return Buffer.concat([head, Buffer.from(heading + bytes)]);
  };

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a length', Buffer.alloc(3)],
    ['a heading that is longer than the body', batch('[]', '', 4_000_000_000)],
    ['no JSON', batch('{', 'abc')],
    ['no chunk', batch('[]', '')],
    ['too many', batch(JSON.stringify(Array.from({ length: 101 }, () => ({ ...place, length: 0 }))), '')],
    ['too few bytes', batch(JSON.stringify([place]), 'ab')],
    ['too many bytes', batch(JSON.stringify([place]), 'abcd')],
    ['a chunk of something else', batch(JSON.stringify([{ ...place, path: '/etc' }]), 'abc')],
  ])('that are %s are refused', async (_what, body) => {
    const taken = chunks.length;
    const headers = { 'content-type': 'application/octet-stream' };
    const sent = api.fetch('/v1/sessions/s1/logs', { method: 'POST', body, token: session, headers });
    expect(await errorOf(await sent)).toMatchObject({ status: 400, code: 'invalid' });
    expect(chunks).toHaveLength(taken);
  });
});

describe('a workflow', () => {
  const submit = (text: string, files = {}): Promise<Response> =>
    api.fetch('/v1/runs', { json: { workflow: { path: '.github/workflows/big.yml', text, files } } });

  it('of 5 MB is refused with a sentence that names the file, its size and the limit', async () => {
    expect(await errorOf(await submit('#'.repeat(5 * MB)))).toMatchObject({
      status: 413,
      reason: 'too-large',
      message: 'the workflow .github/workflows/big.yml has 5 MB; at most 1 MB are taken (server.maxWorkflowMb)',
    });
    const called = await errorOf(await submit('on: push', { './called.yml': 'ä'.repeat(MB) }));
    expect(called).toMatchObject({ status: 413, message: expect.stringContaining('./called.yml has 2 MB') });
  });

  it('that is just small enough is taken', async () => {
    expect((await submit('#'.repeat(MB))).status).toBe(201);
  });

  it('comes from an address without a user and a password in it, and that is no option of git', async () => {
    const workflow = { path: 'x.yml', text: 'on: push' };
    for (const cloneUrl of [
      'https://ghp_hunter2@github.test/o/r',
      'https://me:hunter2@github.test/o/r',
      'ssh://me:hunter2@github.test/o/r',
      '--upload-pack=touch x',
      'https://github.test/o/r\n',
      'ext::sh -c touch% x',
      'fd::17',
      'ftp://github.test/o/r',
      'o/r',
    ]) {
      const answer = await api.fetch('/v1/runs', { json: { workflow, repository: 'o/r', cloneUrl } });
      expect(answer.status).toBe(400);
      expect(await answer.text()).not.toContain('hunter2');
    }
    for (const cloneUrl of [
      'https://github.test/o/r',
      'ssh://git@github.test/o/r',
      'git@github.test:o/r.git',
      '/srv/o r',
      'file:///srv/o/r',
      'git://github.test/o/r',
    ])
      expect((await api.fetch('/v1/runs', { json: { workflow, repository: 'o/r', cloneUrl } })).status).toBe(201);
  });

  it('is needed, or a repository', async () => {
    expect(await errorOf(await api.fetch('/v1/runs', { json: {} }))).toMatchObject({
      status: 400,
      message: expect.stringContaining('either a workflow or a repository is needed'),
    });
  });
});

function patchLog(
  step: number,
  offset: number | string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return api.fetch(`/v1/attempts/a1/logs/${step}?offset=${offset}`, {
    method: 'PATCH',
    body,
    token: session,
    headers: {
      'content-type': 'application/octet-stream',
      'x-fence': '4',
      'x-crc32': '0000abCD',
      'x-session': 's1',
      ...headers,
    },
  });
}

describe('a chunk of a log', () => {
  it('is given on with its place, and answered with what is durable', async () => {
    chunks.length = 0;
    const answer = await patchLog(2, 10, 'hello');
    expect(answer.status).toBe(204);
    expect([answer.headers.get('upload-offset'), answer.headers.get('durable-offset')]).toEqual(['15', '3']);
    expect(chunks).toMatchObject([{ attempt: 'a1', step: 2, fence: 4, offset: 10, crc32: '0000abcd' }]);
    expect(Buffer.from(chunks[0]!.bytes).toString()).toBe('hello');
  });

  it('with a wrong offset is answered 416 with the right one, a wrong checksum 400, a full disk 507', async () => {
    expect(await errorOf(await patchLog(7, 9, 'x'))).toMatchObject({ status: 416, detail: { offset: 5 } });
    expect(await errorOf(await patchLog(8, 9, 'x'))).toMatchObject({ status: 400, reason: 'checksum' });
    expect(await errorOf(await patchLog(9, 9, 'x'))).toMatchObject({ status: 507, reason: 'disk-full' });
  });

  it('of a step that nobody can have is answered 400', async () => {
    for (const step of [-1, 1_000_001, 2 ** 32, 2 ** 53]) expect((await patchLog(step, 0, 'x')).status).toBe(400);
  });

  it('without offset, fence or checksum is answered 400', async () => {
    for (const offset of ['', '-1', '1.5', 'x']) expect((await patchLog(1, offset, 'x')).status).toBe(400);
    for (const fence of ['', '-1', 'x']) expect((await patchLog(1, 0, 'x', { 'x-fence': fence })).status).toBe(400);
    for (const crc of ['', 'xyz', '123456789'])
      expect(await errorOf(await patchLog(1, 0, 'x', { 'x-crc32': crc }))).toMatchObject({ reason: 'checksum' });
  });
});

describe('a request', () => {
  it('for nothing is answered 404, with another method 405 and the ones there are', async () => {
    expect(await errorOf(await api.fetch('/v1/nothing'))).toMatchObject({ status: 404, code: 'not_found' });
    const answer = await api.fetch('/v1/runs/1/cancel');
    expect(answer.headers.get('allow')).toBe('POST');
    expect(await errorOf(answer)).toMatchObject({ status: 405 });
  });

  it('with a wrong number or an unknown query is answered 400', async () => {
    const large = 2 ** 31;
    for (const path of [
      `/v1/runs/1?attempt=${large}`,
      `/v1/runs/1/log?try=${large}`,
      `/v1/runs/1/jobs/a/steps/${large}/log`,
    ])
      expect((await api.fetch(path)).status).toBe(400);
    for (const path of ['/v1/runs/1e400', '/v1/runs/-Infinity', '/v1/runs/NaN', `/v1/runs/${'9'.repeat(30)}`])
      expect((await api.fetch(path)).status).toBe(400);
    for (const path of ['/v1/runs/first', '/v1/runs/1/jobs/a/steps/x/log', '/v1/audit?limit=0', '/v1/runs?colour=red'])
      expect(await errorOf(await api.fetch(path))).toMatchObject({ status: 400, code: 'invalid' });
  });

  it('has an id in its answer, which may be its own', async () => {
    const own = await api.fetch('/healthz', { headers: { 'x-request-id': 'mine-1' } });
    expect(own.headers.get('x-request-id')).toBe('mine-1');
    const odd = await api.fetch('/healthz', { headers: { 'x-request-id': 'a b' } });
    expect(odd.headers.get('x-request-id')).toMatch(/^request-\d+$/);
  });

  it('at which the server fails is answered 500 with its id and nothing of the cause', async () => {
    const answer = await api.fetch('/v1/sessions/s1/sync', { json: { attempts: [] }, token: session });
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).toContain(answer.headers.get('x-request-id'));
    expect(text).not.toContain('hunter2');
  });

  it('too often is answered 429 with when to come again, for that token alone', async () => {
    const own = await openTestApi({ clock: new FakeClock() });
    try {
      const token = await own.token(['runners:read']);
      const answers = await Promise.all(Array.from({ length: 503 }, () => own.fetch('/v1/runners', { token })));
      const limited = answers.filter(({ status }) => status === 429);
      expect(limited).toHaveLength(3);
      expect(limited[0]!.headers.get('retry-after')).toBe('1');
      expect((await errorOf(limited[0]!)).reason).toBe('rate-limited');
      expect((await own.fetch('/v1/runners')).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});
