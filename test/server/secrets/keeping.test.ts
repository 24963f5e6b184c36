/** What a server keeps beside runs, on both databases. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Scope } from '../../../src/protocol/run-api.ts';
import type { AuditFilter } from '../../../src/server/secrets/audit.ts';
import { SecretBox } from '../../../src/server/secrets/secret-box.ts';
import { rotateKey } from '../../../src/server/secrets/rotate-key.ts';
import { setSecretValue } from '../../../src/server/secrets/set-secret.ts';
import { hashToken } from '../../../src/server/secrets/token.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { openTestStore } from '../../support/server-database.ts';
import type { TestStore } from '../../support/server-database.ts';

const actor = 'alice (token 1)';
const by = { name: 'alice', scopes: ['admin'] } as const;
const open: TestStore[] = [];
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
});

describeDatabases('what a server keeps', (database) => {
  const start = async (clock = new FakeClock()): Promise<TestStore> => {
    const store = await openTestStore({ database, clock });
    open.push(store);
    return store;
  };
  const box = new SecretBox(randomBytes(32), randomBytes);

  it('a secret is stored encrypted, listed by name, and opens for its version', async () => {
    const store = await start();
    const set = (value: string): Promise<unknown> =>
      setSecretValue(store, box, { actor, scope: '', name: 'npm_token', value });
    await set('first-value');
    expect(await set('second-value')).toMatchObject({ ok: true, value: { name: 'NPM_TOKEN', version: 2 } });
    const [row] = await store.db.selectFrom('secret').selectAll().execute();
    expect(JSON.stringify(row)).not.toContain('value');
    expect(box.decrypt(row!.ciphertext, row!)).toBe('second-value');
    const listed = await store.execute('list-secrets', { scope: '' });
    expect(listed).toMatchObject({ ok: true, value: { secrets: [{ name: 'NPM_TOKEN', version: 2 }] } });
  });

  it('a secret that two set at the same time is set twice', async () => {
    const store = await start();
    const results = await Promise.all(
      ['a', 'b', 'c'].map((value) => setSecretValue(store, box, { actor, scope: '', name: 'X', value })),
    );
    expect(results.map((result) => result.ok)).toEqual([true, true, true]);
    const [row] = await store.db.selectFrom('secret').selectAll().execute();
    expect(row?.version).toBe(3);
  });

  it('a secret of a repository needs the repository, and goes with it', async () => {
    const store = await start();
    const secret = { actor, scope: 'octo/app', name: 'X', value: 'v' };
    expect(await setSecretValue(store, box, secret)).toMatchObject({ ok: false, error: { code: 'not_found' } });
    await store.execute('set-repository', { actor, name: 'octo/app', cloneUrl: null, defaultBranch: 'main' });
    expect(await setSecretValue(store, box, secret)).toMatchObject({ ok: true });
    await store.execute('set-variable', { actor, scope: 'octo/app', name: 'v', value: '1' });
    expect(await store.execute('list-repositories', {})).toMatchObject({
      value: { repositories: [{ name: 'octo/app', cloneUrl: 'https://github.test/octo/app' }] },
    });
    expect(await store.execute('delete-repository', { actor, name: 'octo/app' })).toMatchObject({ ok: true });
    expect(await store.db.selectFrom('secret').selectAll().execute()).toEqual([]);
    expect(await store.db.selectFrom('variable').selectAll().execute()).toEqual([]);
    expect(await store.execute('list-repositories', {})).toMatchObject({ value: { repositories: [] } });
  });

  it('a new key wraps every secret anew, and a server with the old one sets none', async () => {
    const store = await start();
    await store.execute('adopt-key', { keyId: box.keyId });
    for (const name of ['A', 'B']) await setSecretValue(store, box, { actor, scope: '', name, value: `of ${name}` });
    const next = new SecretBox(randomBytes(32), randomBytes);
    expect(await rotateKey(store, box, next, 'operator')).toEqual({ secrets: 2 });
    const rows = await store.db.selectFrom('secret').selectAll().orderBy('name').execute();
    expect(rows.map((row) => next.decrypt(row.ciphertext, row))).toEqual(['of A', 'of B']);
    expect(await setSecretValue(store, box, { actor, scope: '', name: 'C', value: 'v' })).toMatchObject({
      ok: false,
      error: { code: 'unavailable' },
    });
    expect(await store.execute('adopt-key', { keyId: box.keyId })).toMatchObject({ ok: false });
    expect(await store.execute('adopt-key', { keyId: next.keyId })).toMatchObject({ ok: true });
    await expect(rotateKey(store, next, box, 'operator').then(() => rotateKey(store, next, box, 'x'))).rejects.toThrow(
      'another key',
    );
  });

  describe('a token', () => {
    const create = async (
      store: TestStore,
      more: { kind?: 'user' | 'registration'; expiresMs?: number; uses?: number; scopes?: Scope[] } = {},
    ): Promise<{ id: number; hash: string }> => {
      const hash = hashToken(randomBytes(8).toString('hex'));
      const created = await store.execute('create-token', {
        actor,
        kind: more.kind ?? 'user',
        name: 'bot',
        hash,
        scopes: more.scopes ?? ['runs:read'],
        expiresMs: more.expiresMs ?? null,
        uses: more.uses ?? null,
      });
      if (!created.ok) throw new Error(created.error.message);
      return { id: created.value.id, hash };
    };

    it('is found by its hash alone until it is revoked or expires', async () => {
      const clock = new FakeClock();
      const store = await start(clock);
      const { id, hash } = await create(store, { expiresMs: 10_000 });
      expect(await store.execute('find-token', { hash })).toMatchObject({
        ok: true,
        value: { id, kind: 'user', name: 'bot', scopes: ['runs:read'] },
      });
      expect(await store.execute('find-token', { hash: 'f'.repeat(64) })).toMatchObject({
        error: { code: 'unauthorized', reason: 'token-unknown' },
      });
      await clock.advance(10_000);
      expect(await store.execute('find-token', { hash })).toMatchObject({ error: { reason: 'token-expired' } });
      const other = await create(store);
      await store.execute('revoke-token', { actor, by, id: other.id });
      expect(await store.execute('find-token', { hash: other.hash })).toMatchObject({
        error: { reason: 'token-unknown' },
      });
    });

    it('has its last use written at most once a minute', async () => {
      const clock = new FakeClock();
      const store = await start(clock);
      const { id, hash } = await create(store);
      const stale = async (): Promise<unknown> => {
        const found = await store.execute('find-token', { hash });
        return found.ok && found.value.stale;
      };
      expect(await stale()).toBe(true);
      await store.execute('touch-token', { id });
      const touched = clock.now();
      await clock.advance(59_999);
      expect(await stale()).toBe(false);
      await store.execute('touch-token', { id });
      const row = await store.db.selectFrom('token').select('last_used_at').where('id', '=', id).executeTakeFirst();
      expect(row?.last_used_at).toBe(touched);
      await clock.advance(1);
      expect(await stale()).toBe(true);
    });

    it('of the administrator is made once in the life of a database', async () => {
      const store = await start();
      expect(await store.execute('ensure-admin-token', { hash: 'a'.repeat(64) })).toMatchObject({
        value: { created: true },
      });
      expect(await store.execute('ensure-admin-token', { hash: 'b'.repeat(64) })).toMatchObject({
        value: { created: false },
      });
      expect(await store.execute('find-token', { hash: 'b'.repeat(64) })).toMatchObject({ ok: false });
    });
  });

  it('every change is in the audit, newest first, by pages, without values', async () => {
    const store = await start();
    await store.execute('set-repository', { actor, name: 'octo/app', cloneUrl: null, defaultBranch: null });
    await setSecretValue(store, box, { actor, scope: 'octo/app', name: 'KEY', value: 'hunter2' });
    await store.execute('set-variable', { actor, scope: '', name: 'LEVEL', value: 'hunter3' });
    await store.execute('delete-secret', { actor, scope: 'octo/app', name: 'KEY' });
    await store.execute('delete-variable', { actor, scope: '', name: 'LEVEL' });
    await store.execute('delete-repository', { actor, name: 'octo/app' });
    const first = await store.execute('list-audit', { cursor: null, limit: 4 });
    if (!first.ok) throw new Error(first.error.message);
    const rest = await store.execute('list-audit', { cursor: first.value.cursor, limit: 4 });
    if (!rest.ok) throw new Error(rest.error.message);
    const entries = [...first.value.entries, ...rest.value.entries];
    expect(entries.map(({ action, target }) => `${action}: ${target}`)).toEqual([
      'repository.delete: repository octo/app',
      'variable.delete: variable LEVEL',
      'secret.delete: secret octo/app/KEY',
      'variable.set: variable LEVEL',
      'secret.set: secret octo/app/KEY',
      'repository.set: repository octo/app',
    ]);
    expect(rest.value.cursor).toBeNull();
    expect(entries.every((entry) => entry.actor === actor)).toBe(true);
    expect(JSON.stringify(entries)).not.toContain('hunter');
  });

  it('the audit is asked for by time, by who and by what', async () => {
    const store = await start();
    const by = async (name: string, value: string): Promise<unknown> =>
      store.execute('set-variable', { actor: name, scope: '', name: 'LEVEL', value });
    await by('deploy (token 3)', '1');
    await by('deploy (token 31)', '2');
    await by('deploy more (token 4)', '3');
    await by('100% (token 5)', '4');
    await store.execute('delete-variable', { actor: 'dep_oy (token 6)', scope: '', name: 'LEVEL' });
    const asked = async (filter: Partial<AuditFilter>): Promise<string[]> => {
      const listed = await store.execute('list-audit', { cursor: null, limit: 9, ...filter });
      if (!listed.ok) throw new Error(listed.error.message);
      return listed.value.entries.map((entry) => `${entry.actor} ${entry.action}`);
    };
    expect(await asked({ actor: 'deploy' })).toEqual([
      'deploy (token 31) variable.set',
      'deploy (token 3) variable.set',
    ]);
    expect(await asked({ actor: 'deploy (token 3)' })).toEqual(['deploy (token 3) variable.set']);
    expect(await asked({ actor: 'dep_oy' })).toEqual(['dep_oy (token 6) variable.delete']);
    expect(await asked({ actor: '100%' })).toEqual(['100% (token 5) variable.set']);
    expect(await asked({ action: 'variable' })).toHaveLength(5);
    expect(await asked({ action: 'variable.delete' })).toEqual(['dep_oy (token 6) variable.delete']);
    expect(await asked({ action: 'var' })).toEqual([]);
    const [first] = await store.db.selectFrom('audit').select('at').execute();
    expect(await asked({ since: first!.at })).toHaveLength(5);
    expect(await asked({ since: first!.at + 1 })).toEqual([]);
  });

  it('what was refused leaves no trace in the audit', async () => {
    const store = await start();
    await store.execute('delete-secret', { actor, scope: '', name: 'NONE' });
    await store.execute('revoke-token', { actor, by, id: 99 });
    expect(await store.execute('list-audit', { cursor: null, limit: 9 })).toMatchObject({ value: { entries: [] } });
  });
});
