/** The key and the first token of a server, on its disk. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ensureAdminTokenFile } from '../../../src/server/secrets/admin-token.ts';
import { KeyError, loadKey, writeKeyFile } from '../../../src/server/secrets/load-key.ts';
import { openSecretBox } from '../../../src/server/secrets/open-secret-box.ts';
import { rotateKeyFile } from '../../../src/server/secrets/rotate-key.ts';
import { rotateServerKey } from '../../../src/server/secrets/rotate-server-key.ts';
import { SecretBox } from '../../../src/server/secrets/secret-box.ts';
import { setSecretValue } from '../../../src/server/secrets/set-secret.ts';
import { readToken } from '../../../src/server/secrets/token.ts';
import { openTestStore } from '../../support/server-database.ts';
import type { TestStore } from '../../support/server-database.ts';

let folder: string;
let store: TestStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-key-'));
  store = await openTestStore({ database: 'sqlite' });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const source = (more: { keyFile?: string; keyCommand?: string } = {}) => {
  return { keyFile: more.keyFile ?? null, keyCommand: more.keyCommand ?? null, dataDirectory: folder };
};
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('the key of the secrets', () => {
  it('is made once, for the owner alone, by whoever is first', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadKey(source())));
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
    expect(keys[0]).toHaveLength(32);
    expect(await modeOf(join(folder, 'secrets.key'))).toBe('600');
  });

  it('comes from a file or a command where one is configured', async () => {
    const key = randomBytes(32);
    const file = join(folder, 'own.key');
    await writeFile(file, `\n ${key.toString('base64')}\n`);
    await chmod(file, 0o400);
    expect(Buffer.from(await loadKey(source({ keyFile: file })))).toEqual(key);
    const other = randomBytes(32).toString('base64');
    const keyCommand = `printf '%s\\n' '${other}'`;
    expect(Buffer.from(await loadKey(source({ keyFile: file, keyCommand }))).toString('base64')).toBe(other);
  });

  it('that cannot be had is said, and what a command printed is not', async () => {
    await expect(loadKey(source({ keyFile: join(folder, 'none') }))).rejects.toThrow(KeyError);
    const wrong = loadKey(source({ keyCommand: 'echo hunter2' }));
    await expect(wrong).rejects.toThrow(/is not 32 bytes in base64/);
    await expect(wrong).rejects.not.toThrow(/hunter2/);
    const failing = loadKey(source({ keyCommand: 'echo hunter2; echo hunter2 >&2; exit 3' }));
    await expect(failing).rejects.toThrow(/exit code 3/);
    await expect(failing).rejects.not.toThrow(/hunter2/);
  });

  it('other than that of the database is refused', async () => {
    expect(await openSecretBox(store, source(), randomBytes)).toMatchObject({ ok: true });
    await rm(join(folder, 'secrets.key'));
    expect(await openSecretBox(store, source(), randomBytes)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('encrypted with another key') },
    });
  });

  it('is replaced, whenever the server is killed', async () => {
    const opened = await openSecretBox(store, source(), randomBytes);
    if (!opened.ok) throw new Error(opened.error.message);
    await setSecretValue(store, opened.value, { actor: 'a', scope: '', name: 'X', value: 'deep' });
    const path = join(folder, 'secrets.key');
    const from = await loadKey(source());
    const to = randomBytes(32);
    expect(await rotateKeyFile(store, path, { from, to, actor: 'operator' }, randomBytes)).toEqual({ secrets: 1 });
    expect(await modeOf(path)).toBe('600');
    expect(Buffer.from(await loadKey(source()))).toEqual(to);
    // Killed after the database took the new key, before the file was replaced.
    await writeKeyFile(`${path}.next`, to);
    await writeKeyFile(path, from);
    const again = await openSecretBox(store, source(), randomBytes);
    expect(again.ok && again.value.keyId).toBe(new SecretBox(to, randomBytes).keyId);
    const [row] = await store.db.selectFrom('secret').selectAll().execute();
    expect(again.ok && again.value.decrypt(row!.ciphertext, row!)).toBe('deep');
    expect((await readFile(path, 'utf8')).trim()).toBe(to.toString('base64'));
  });
});

describe('a server that is stopped', () => {
  it('gets a new key by its database and its file', async () => {
    const database = join(folder, 'paceline.db');
    const keyFile = join(folder, 'secrets.key');
    const before = await openTestStore({ database: 'sqlite', url: database });
    const opened = await openSecretBox(before, source(), randomBytes);
    if (!opened.ok) throw new Error(opened.error.message);
    await setSecretValue(before, opened.value, { actor: 'a', scope: '', name: 'X', value: 'deep' });
    await expect(rotateServerKey({ database, keyFile })).rejects.toThrow('A server uses the database');
    await before.close();
    const old = await readFile(keyFile, 'utf8');
    expect(await rotateServerKey({ database, keyFile })).toEqual({ secrets: 1 });
    expect(await readFile(keyFile, 'utf8')).not.toBe(old);
    const after = await openTestStore({ database: 'sqlite', url: database });
    const again = await openSecretBox(after, source(), randomBytes);
    const [row] = await after.db.selectFrom('secret').selectAll().execute();
    expect(again.ok && again.value.decrypt(row!.ciphertext, row!)).toBe('deep');
    await after.close();
  });
});

describe("the administrator's token", () => {
  it('is in a file for the owner alone, and made once', async () => {
    const first = await ensureAdminTokenFile(store, folder, randomBytes);
    const path = join(folder, 'admin-token');
    const text = (await readFile(path, 'utf8')).trim();
    expect(first).toEqual({ ok: true, value: text });
    expect(await modeOf(path)).toBe('600');
    expect(await store.execute('find-token', { hash: readToken(text)!.hash })).toMatchObject({
      value: { name: 'admin', scopes: ['admin'] },
    });
    expect(await ensureAdminTokenFile(store, folder, randomBytes)).toEqual({ ok: true, value: null });
    expect((await readFile(path, 'utf8')).trim()).toBe(text);
  });

  it('that a killed server left in its file is the one that counts', async () => {
    const other = await mkdtemp(join(tmpdir(), 'paceline-key-'));
    const lost = await openTestStore({ database: 'sqlite' });
    await ensureAdminTokenFile(lost, other, randomBytes);
    await lost.close();
    const text = (await readFile(join(other, 'admin-token'), 'utf8')).trim();
    expect(await ensureAdminTokenFile(store, other, randomBytes)).toEqual({ ok: true, value: text });
    await rm(other, { recursive: true });
  });

  it('of a database that has one is not promised by a new file', async () => {
    await ensureAdminTokenFile(store, folder, randomBytes);
    await rm(join(folder, 'admin-token'));
    expect(await ensureAdminTokenFile(store, folder, randomBytes)).toEqual({ ok: true, value: null });
    await expect(stat(join(folder, 'admin-token'))).rejects.toThrow('ENOENT');
  });
});
