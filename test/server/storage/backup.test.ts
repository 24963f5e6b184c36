import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { systemClock } from '../../../src/kernel/clock.ts';
import { backup, type BackupOptions } from '../../../src/server/storage/backup.ts';
import { nextFence } from '../../../src/server/storage/fence.ts';
import { type InProcessStore, openStoreInProcess } from '../../../src/server/storage/open-store-in-process.ts';
import { randomId } from '../../../src/server/storage/random-id.ts';
import { restoreFiles } from '../../../src/server/storage/restore-files.ts';
import { restore, type RestoreOptions } from '../../../src/server/storage/restore.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { createPostgresDatabase, dropPostgresDatabase } from '../../support/postgres-server.ts';
import { CAN_MOUNT, smallDisk } from '../../support/small-disk.ts';
import { TEST_SETTINGS } from '../../support/server-settings.ts';

async function ask(url: string, commands: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(commands);
  } finally {
    await client.end();
  }
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-backup-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describeDatabases('a backup', (database) => {
  const urls: string[] = [];
  const stores: InProcessStore[] = [];
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    if (database === 'postgres') for (const url of urls) await dropPostgresDatabase(url);
    urls.splice(0);
  });

  const place = async (name: string): Promise<string> => {
    const url = database === 'postgres' ? await createPostgresDatabase() : join(folder, name, 'paceline.db');
    urls.push(url);
    return url;
  };
  const start = async (url: string): Promise<InProcessStore> => {
    const options = { database: url, clock: systemClock, node: 'test', settings: TEST_SETTINGS, randomId };
    const store = await openStoreInProcess(options);
    stores.push(store);
    return store;
  };
  const dataOf = (name: string): string => join(folder, name);
  const origin = async (): Promise<{ url: string; store: InProcessStore; fence: number }> => {
    await mkdir(join(dataOf('origin'), 'logs'), { recursive: true });
    await writeFile(join(dataOf('origin'), 'logs', 'segment-1'), 'bytes of a log');
    await writeFile(join(dataOf('origin'), 'secrets.key'), 'the key');
    const url = await place('origin');
    const store = await start(url);
    await store.db.insertInto('setting').values({ name: 'own', value: 'before' }).execute();
    const fence = await store.perform((context) => nextFence(context), null);
    return { url, store, fence: fence.ok ? fence.value : 0 };
  };
  const save = (url: string, options: Partial<BackupOptions> = {}): ReturnType<typeof backup> =>
    backup({
      database: url,
      dataDirectory: dataOf('origin'),
      to: join(folder, 'backup'),
      keyFile: null,
      version: '1.2.3',
      now: 0,
      ...options,
    });
  const load = (url: string, options: Partial<RestoreOptions> = {}): Promise<void> =>
    restore({
      from: join(folder, 'backup'),
      database: url,
      dataDirectory: dataOf('target'),
      keyFile: join(dataOf('target'), 'secrets.key'),
      force: false,
      randomId,
      ...options,
    });
  const settingOf = async ({ db }: InProcessStore, name: string): Promise<string | undefined> =>
    (await db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst())?.value;

  it('of a running server has database and logs as they were, and begins a new life where it is restored', async () => {
    const { url, store, fence } = await origin();
    await save(url);
    await store.db.updateTable('setting').set({ value: 'after' }).where('name', '=', 'own').execute();
    const target = await place('target');
    await load(target);
    const restored = await start(target);
    expect(await settingOf(restored, 'own')).toBe('before');
    expect(await readFile(join(dataOf('target'), 'logs', 'segment-1'), 'utf8')).toBe('bytes of a log');
    const lives = await Promise.all([store, restored].map((each) => settingOf(each, 'incarnation')));
    expect(new Set(lives).size).toBe(2);
    const next = await restored.perform((context) => nextFence(context), null);
    expect(next.ok ? next.value : 0).toBeGreaterThan(fence + 1_000_000);
  });

  it('is for its owner alone, and has the key only when that is asked for', async () => {
    const { url } = await origin();
    await save(url);
    expect(await readdir(join(folder, 'backup'))).not.toContain('secrets.key');
    for (const name of ['.', ...(await readdir(join(folder, 'backup')))])
      expect((await stat(join(folder, 'backup', name))).mode & 0o077).toBe(0);
    await save(url, { to: join(folder, 'with-key'), keyFile: join(dataOf('origin'), 'secrets.key') });
    const target = await place('target');
    await load(target, { from: join(folder, 'with-key') });
    expect(await readFile(join(dataOf('target'), 'secrets.key'), 'utf8')).toBe('the key');
  });

  it('is made into an empty folder only', async () => {
    const { url } = await origin();
    await expect(save(url, { to: dataOf('origin') })).rejects.toThrow(
      `'${dataOf('origin')}' has something in it already; name another folder.`,
    );
  });

  it('is restored over something only when that is asked for', async () => {
    const { url, store } = await origin();
    await save(url);
    await store.db.updateTable('setting').set({ value: 'after' }).where('name', '=', 'own').execute();
    await store.close();
    await expect(load(url)).rejects.toThrow('already. Restore into an empty place, or replace it with --force.');
    await expect(load(await place('target'), { dataDirectory: dataOf('origin') })).rejects.toThrow('logs');
    await writeFile(join(dataOf('origin'), 'logs', 'segment-2'), 'of a run after the backup');
    await load(url, { dataDirectory: dataOf('origin'), force: true });
    const restored = await start(url);
    expect(await settingOf(restored, 'own')).toBe('before');
    expect(await readdir(join(dataOf('origin'), 'logs'))).toEqual(['segment-1']);
  });

  /** Backed up, then lived on: a restore over it would replace what came after. */
  const livedOn = async (): Promise<string> => {
    const { url, store } = await origin();
    await save(url, { keyFile: join(dataOf('origin'), 'secrets.key') });
    await store.db.updateTable('setting').set({ value: 'after' }).where('name', '=', 'own').execute();
    await store.close();
    await writeFile(join(dataOf('origin'), 'logs', 'segment-2'), 'of a run after the backup');
    await writeFile(join(dataOf('origin'), 'secrets.key'), 'the key after');
    return url;
  };
  const expectAsItWas = async (url: string): Promise<void> => {
    const store = await start(url);
    expect(await settingOf(store, 'own')).toBe('after');
    await store.close();
    const names = (await readdir(dataOf('origin'))).filter((name) => !name.startsWith('paceline.db'));
    expect(names.sort()).toEqual(['logs', 'secrets.key']);
    expect(await readdir(join(dataOf('origin'), 'logs'))).toEqual(['segment-1', 'segment-2']);
    expect(await readFile(join(dataOf('origin'), 'secrets.key'), 'utf8')).toBe('the key after');
  };
  /** As an earlier version made it. */
  const forgetSums = async (): Promise<void> => {
    const path = join(folder, 'backup', 'manifest.json');
    const manifest = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...manifest, files: undefined }));
  };
  const over = { dataDirectory: '', keyFile: '', force: true };
  beforeEach(() => {
    over.dataDirectory = dataOf('origin');
    over.keyFile = join(dataOf('origin'), 'secrets.key');
  });
  const file = { sqlite: 'database.sqlite', postgres: 'database.dump' }[database];

  it.each([
    ['has no logs', (backup: string) => rm(join(backup, 'logs'), { recursive: true }), "'logs' is missing"],
    ['lacks a segment', (backup: string) => rm(join(backup, 'logs/segment-1')), "'logs/segment-1' is missing"],
    ['has another key', (backup: string) => writeFile(join(backup, 'secrets.key'), 'THE KEY'), "'secrets.key' is not"],
    ['has a database cut off', (backup: string) => truncate(join(backup, file), 5_000), `'${file}' has 5000 bytes`],
  ])('that %s is refused before anything is replaced', async (_what, damage, why) => {
    const url = await livedOn();
    await damage(join(folder, 'backup'));
    await expect(load(url, over)).rejects.toThrow(why);
    await expectAsItWas(url);
    await expect(load(await place('target'))).rejects.toMatchObject({ name: 'BackupError' });
    expect(await readdir(folder)).not.toContain('target');
  });

  it('without a list of its files, whose database is damaged, leaves what it was to replace', async () => {
    const url = await livedOn();
    await forgetSums();
    await writeFile(join(folder, 'backup', file), 'no database');
    await expect(load(url, over)).rejects.toMatchObject({ name: 'BackupError' });
    await expectAsItWas(url);
  });

  (CAN_MOUNT ? it : it.skip)('whose logs find no room leaves what it was to replace', async () => {
    const url = await livedOn();
    const more = join(folder, 'backup', 'logs', 'segment-0');
    await writeFile(more, Buffer.alloc(1_000_000));
    await forgetSums();
    const disk = smallDisk(512);
    try {
      const logs = join(dataOf('origin'), 'logs');
      for (const name of await readdir(logs)) await copyFile(join(logs, name), join(disk.path, name));
      await rm(logs, { recursive: true });
      await symlink(disk.path, logs);
      await expect(load(url, over)).rejects.toThrow('ENOSPC');
      await expectAsItWas(url);
      disk.grow(4_096);
      await load(url, over);
      expect(await readdir(disk.path)).toEqual(['segment-0', 'segment-1']);
    } finally {
      disk.remove();
    }
  });

  /** A restore over it that a power cut ended before its last step. */
  const interrupt = async (url: string): Promise<void> => {
    const from = join(folder, 'backup');
    const files = await restoreFiles({ ...over, from, database: url, randomId }, true);
    await files.prepare();
    if (database === 'sqlite') await copyFile(join(from, file), `${url}.restoring`);
    else {
      await ask(url, `alter schema public rename to paceline_replaced; create schema public`);
      await ask(url, 'create table public.paceline_restoring (); create table public.job ()');
    }
    await files.put();
  };

  it('whose restore was interrupted is what its database waits for', async () => {
    const url = await livedOn();
    await interrupt(url);
    const unfinished = /is going on or was interrupted\. Complete it with `paceline server restore FOLDER --force`/;
    await expect(start(url)).rejects.toThrow(unfinished);
    await expect(save(url, { to: join(folder, 'other') })).rejects.toThrow(unfinished);
    await expect(load(url, { ...over, force: false })).rejects.toThrow('replace it with --force');
    await load(url, over);
    const restored = await start(url);
    expect(await settingOf(restored, 'own')).toBe('before');
    expect(await readFile(over.keyFile, 'utf8')).toBe('the key');
    expect(await readdir(join(dataOf('origin'), 'logs'))).toEqual(['segment-1']);
  });

  it('whose restore was interrupted leaves what it was to replace when the next one fails', async () => {
    const url = await livedOn();
    await interrupt(url);
    await forgetSums();
    await writeFile(join(folder, 'backup', file), 'no database');
    await expect(load(url, over)).rejects.toMatchObject({ name: 'BackupError' });
    await expectAsItWas(url);
  });

  it('that is restored twice at once is restored once, and the other is told', async () => {
    const { url } = await origin();
    await save(url);
    const target = await place('target');
    const both = await Promise.allSettled([load(target), load(target)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = both.find((one) => one.status === 'rejected');
    expect(String(refused?.reason)).toMatch(/: (A server uses|Another restore of|There is) the (database|folder) /);
    expect(await settingOf(await start(target), 'own')).toBe('before');
    expect(await readdir(join(dataOf('target'), 'logs'))).toEqual(['segment-1']);
  });

  it('goes to and from logs on a disk of their own', async () => {
    const { url } = await origin();
    for (const name of ['origin', 'target'])
      await mkdir(join(dataOf(name), 'logs', 'lost+found'), { recursive: true, mode: 0 });
    await save(url);
    await load(await place('target'));
    expect((await readdir(join(dataOf('target'), 'logs'))).sort()).toEqual(['lost+found', 'segment-1']);
  });

  if (database === 'postgres')
    it('is restored by an account that does not own the schema', async () => {
      const { url, store } = await origin();
      await save(url);
      await store.close();
      // Its schema is one that a restore has made, which a dump says more of.
      await load(url, over);
      await save(url, { to: join(folder, 'again') });
      const target = await place('target');
      const role = `r_${randomId()}`;
      await ask(target, `create role ${role} login; grant create, usage on schema public to ${role}`);
      const own = new URL(target);
      own.username = role;
      try {
        // An earlier one was interrupted.
        await ask(own.href, 'create table paceline_restoring (); create table job (); create sequence fence');
        await load(own.href, { from: join(folder, 'again'), force: true });
        expect(await settingOf(await start(own.href), 'own')).toBe('before');
      } finally {
        for (const each of stores.splice(0)) await each.close();
        await ask(target, `drop owned by ${role} cascade; drop role ${role}`);
      }
    });

  it('of the other database is refused', async () => {
    const { url } = await origin();
    await save(url);
    const other = database === 'sqlite' ? 'postgres://127.0.0.1:1/paceline' : join(folder, 'other.db');
    await expect(load(other)).rejects.toThrow(/^The backup in '.*' is one of \w+, and .* is \w+\.$/);
  });
});

describe('a restore', () => {
  it('of a folder that is no backup is refused', async () => {
    const options = { from: folder, database: join(folder, 'paceline.db'), dataDirectory: folder, force: false };
    await expect(restore({ ...options, keyFile: join(folder, 'key'), randomId })).rejects.toThrow(
      `'${folder}' is no backup: it has no manifest.json that can be read.`,
    );
  });
});

describe('a SQLite database', () => {
  const options = { clock: systemClock, node: 'test', settings: TEST_SETTINGS, randomId };

  it('is for its owner alone', async () => {
    const database = join(folder, 'paceline.db');
    const store = await openStoreInProcess({ database, ...options });
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o077).toBe(0);
    await store.close();
  });

  it('belongs to one server at a time, until it ends', async () => {
    const database = join(folder, 'paceline.db');
    const store = await openStoreInProcess({ database, ...options });
    await expect(openStoreInProcess({ database, ...options })).rejects.toThrow(
      `A server uses the database '${database}' already. Stop it first; only PostgreSQL is shared by several servers.`,
    );
    await store.close();
    await (await openStoreInProcess({ database, ...options })).close();
  });
});
