/** Who may ask what: every route against every kind of token that does not count. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SCOPES } from '../../../src/protocol/run-api.ts';
import { mintToken } from '../../../src/server/secrets/token.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.stop());

const SAMPLES: Record<string, string> = { run: '1', step: '1', token: '1', owner: 'octo' };

async function ask(
  endpoint: TestApi['endpoints'][number],
  token: string | null,
): Promise<{ status: number; reason: string | null; message: string }> {
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => SAMPLES[name] ?? 'x');
  const answer = await api.fetch(path, { method: endpoint.method.toUpperCase(), token });
  const { error } = (await answer.json()) as { error: { reason: string | null; message: string } };
  return { status: answer.status, reason: error.reason, message: error.message };
}

describe('a route that is not open', () => {
  it('answers 401 without a token, with something that is no token, and with one that nobody knows', async () => {
    const unknown = { user: mintToken('user', randomBytes(32)).token };
    for (const endpoint of api.endpoints) {
      if (endpoint.access.kind === 'open') continue;
      for (const token of [null, 'hunter2', `${unknown.user.slice(0, -1)}~`]) {
        const { status, reason } = await ask(endpoint, token);
        expect({ path: endpoint.path, token, status, reason }).toMatchObject({ status: 401, reason: 'token-unknown' });
      }
      if (endpoint.access.kind !== 'scope') continue;
      expect(await ask(endpoint, unknown.user)).toMatchObject({ status: 401, reason: 'token-unknown' });
    }
  });

  it('tells a malformed token from an unknown one', async () => {
    const [endpoint] = api.endpoints.filter(({ access }) => access.kind === 'scope');
    const { token } = mintToken('user', randomBytes(32));
    expect((await ask(endpoint!, token.slice(0, 20))).message).toMatch(/no token of Paceline, or not the whole of one/);
    expect((await ask(endpoint!, token)).message).toMatch(/does not know this token/);
  });

  it('answers 403 for a token of another kind', async () => {
    const tokens = {
      user: await api.token(['admin']),
      registration: await api.token([], 'registration'),
      session: await api.token([], 'session'),
    };
    for (const endpoint of api.endpoints) {
      if (endpoint.access.kind === 'open') continue;
      const wanted = endpoint.access.kind === 'scope' ? 'user' : endpoint.access.kind;
      for (const kind of ['user', 'registration', 'session'] as const) {
        if (kind === wanted) continue;
        const { status, reason } = await ask(endpoint, tokens[kind]);
        expect({ path: endpoint.path, kind, status, reason }).toMatchObject({ status: 403, reason: 'scope-missing' });
      }
    }
  });

  it('answers 403 for a token with every scope but the one that is missing, and names it', async () => {
    for (const endpoint of api.endpoints) {
      if (endpoint.access.kind !== 'scope') continue;
      const { scope, or = [] } = endpoint.access;
      const enough = ['admin', scope, ...or];
      const others = await api.token(SCOPES.filter((one) => !enough.includes(one)));
      const { status, message } = await ask(endpoint, others);
      expect({ path: endpoint.path, status }).toEqual({ path: endpoint.path, status: 403 });
      expect(message).toContain(scope);
    }
  });

  it('answers 401 for a token that was revoked', async () => {
    const token = await api.token(['tokens:write']);
    const list = (await (await api.fetch('/v1/tokens', { token })).json()) as { tokens: { id: number }[] };
    await api.fetch(`/v1/tokens/${list.tokens[0]!.id}`, { method: 'DELETE' });
    const answer = await api.fetch('/v1/tokens', { token });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('was revoked');
  });

  it('answers 401 for a token that has expired', async () => {
    const clock = new FakeClock();
    const own = await openTestApi({ clock });
    try {
      const token = await own.token(['runners:read'], 'user', 60_000);
      expect((await own.fetch('/v1/runners', { token })).status).toBe(200);
      await clock.advance(60_000);
      const answer = await own.fetch('/v1/runners', { token });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ error: { reason: 'token-expired' } });
    } finally {
      await own.stop();
    }
  });
});

/** As somebody with `admin` does. */
async function made(name: string, scopes: readonly string[]): Promise<{ token: string; name: string }> {
  const answer = await api.fetch('/v1/tokens', { json: { name, scopes } });
  return { name, token: ((await answer.json()) as { token: string }).token };
}

describe('a token', () => {
  it('gives no scope that it has not', async () => {
    const { token, name } = await made('giver', ['tokens:write', 'runs:read']);
    const give = async (json: object): Promise<number> => (await api.fetch('/v1/tokens', { token, json })).status;
    expect(await give({ name, scopes: ['runs:read'] })).toBe(201);
    expect(await give({ name, scopes: ['admin'] })).toBe(403);
    expect(await give({ name, scopes: ['runs:write'] })).toBe(403);
    expect(await give({ name: 'd', kind: 'registration' })).toBe(403);
  });

  it('gives no other name than its own, unless it has admin', async () => {
    const ann = await made('ann', ['tokens:write', 'runs:signal', 'runners:write']);
    const give = async (token: string, json: object) => {
      const answer = await api.fetch('/v1/tokens', { token, json });
      const body = (await answer.json()) as { token: string; error?: { message: string } };
      return { status: answer.status, token: body.token, message: body.error?.message };
    };
    await made('bob', ['runs:signal']);
    // An approver who has a token, one who is only named in a file, and her own name written otherwise.
    for (const name of ['bob', 'cleo', 'Ann', 'ann/bob'])
      expect(await give(ann.token, { name, scopes: ['runs:signal'] })).toMatchObject({
        status: 403,
        message: `to make a token for '${name}', your own token needs the scope admin; without it, you make tokens of your own name, 'ann'`,
      });
    const again = await give(ann.token, { name: 'ann', scopes: ['tokens:write', 'runs:signal'] });
    expect(again.status).toBe(201);
    expect((await give(again.token, { name: 'bob', scopes: ['runs:signal'] })).status).toBe(403);
    expect((await give(ann.token, { name: 'new runners', kind: 'registration' })).status).toBe(201);
  });

  it('of a group makes runners of one job for that group alone, and has no other right', async () => {
    await api.fetch('/v1/groups/forks', { method: 'PUT', json: { tier: 'untrusted' } });
    const create = async (json: object, token?: string): Promise<Response> =>
      api.fetch('/v1/tokens', { json: { name: 'scaler', group: 'forks', ...json }, ...(token && { token }) });
    for (const scopes of [['runners:read'], ['runners:jit', 'runners:write'], ['admin', 'runners:jit'], []])
      expect((await create({ scopes })).status).toBe(400);
    expect((await create({ scopes: ['runners:jit'], group: 'none' })).status).toBe(404);
    const { token } = (await (await create({ scopes: ['runners:jit', 'runners:read'] })).json()) as { token: string };
    const jit = (json: object): Promise<Response> => api.fetch('/v1/runners/jit', { token, json });
    expect((await jit({ group: 'forks' })).status).toBe(201);
    for (const json of [{ group: 'deploy' }, {}]) {
      const answer = await jit(json);
      expect({ status: answer.status, text: await answer.text() }).toMatchObject({
        status: 403,
        text: expect.stringContaining('the token scaler makes runners of the group forks alone'),
      });
    }
    const maker = await made('scaler', ['tokens:write', 'runners:write']);
    expect((await create({ scopes: ['runners:jit'] }, maker.token)).status).toBe(403);
    // It ends with its group.
    expect((await api.fetch('/v1/groups/forks', { method: 'DELETE' })).status).toBe(204);
    expect((await jit({ group: 'forks' })).status).toBe(401);
  });

  it('is revoked by whoever could have given it, and the last one with admin by nobody', async () => {
    const id = async (name: string): Promise<number> => {
      const { tokens } = (await (await api.fetch('/v1/tokens')).json()) as { tokens: { id: number; name: string }[] };
      return tokens.find((token) => token.name === name)!.id;
    };
    const revoke = async (name: string, token?: string): Promise<unknown> => {
      const answer = await api.fetch(`/v1/tokens/${await id(name)}`, { method: 'DELETE', ...(token && { token }) });
      const text = answer.status === 204 ? '' : await answer.text();
      return [answer.status, /"message":"(.*?)"/.exec(text)?.[1] ?? null];
    };
    const { token } = await made('cleaner', ['tokens:write', 'runs:read']);
    await made('writer', ['runs:write']);
    await made('reader', ['runs:read']);
    await api.fetch('/v1/tokens', { json: { name: 'machines', kind: 'registration' } });
    expect(await revoke('writer', token)).toEqual([
      403,
      'to revoke a token with the scope runs:write, your own token needs it',
    ]);
    expect(await revoke('reader', token)).toEqual([
      403,
      "to revoke the token of 'reader', your own token needs the scope admin; without it, you revoke tokens of your own name, 'cleaner'",
    ]);
    expect(await revoke('machines', token)).toEqual([403, expect.stringContaining('the scope runners:write')]);
    expect(await revoke('cleaner', token)).toEqual([204, null]);
    expect(await revoke('writer')).toEqual([204, null]);

    const own = await openTestApi();
    try {
      const { tokens } = (await (await own.fetch('/v1/tokens')).json()) as { tokens: { id: number }[] };
      const last = (): Promise<Response> => own.fetch(`/v1/tokens/${tokens[0]!.id}`, { method: 'DELETE' });
      const refused = await last();
      expect(refused.status).toBe(409);
      expect(await refused.text()).toContain('is the last one with the scope admin; make another first');
      const short = { name: 'admin', scopes: ['admin'], expiresSeconds: 60 };
      await own.fetch('/v1/tokens', { json: short });
      expect((await last()).status).toBe(204);
    } finally {
      await own.stop();
    }
  });

  it('is shown once and nowhere else', async () => {
    const answer = await api.fetch('/v1/tokens', { json: { name: 'once', scopes: ['runs:read'] } });
    const { token } = (await answer.json()) as { token: string };
    expect((await api.fetch('/v1/runners', { token })).status).toBe(403);
    expect(await (await api.fetch('/v1/tokens')).text()).not.toContain(token);
    expect(JSON.stringify(await api.store.db.selectFrom('token').selectAll().execute())).not.toContain(token);
  });

  it('of a registration has an end, at most in 30 days', async () => {
    const answer = await api.fetch('/v1/tokens', { json: { name: 'r', kind: 'registration', expiresSeconds: 3e9 } });
    const { view } = (await answer.json()) as { view: { createdAt: string; expiresAt: string } };
    expect(Date.parse(view.expiresAt) - Date.parse(view.createdAt)).toBe(30 * 24 * 3600 * 1000);
  });
});
