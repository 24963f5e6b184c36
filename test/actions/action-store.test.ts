import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { REFRESH_AFTER_MS } from '../../src/actions/action-store.ts';
import { AbortScope } from '../../src/kernel/cancellation.ts';
import { load, openPlace, Repository, SAYS, writeFiles, type Place } from './actions-harness.ts';

let place: Place;
beforeEach(async () => {
  place = await openPlace();
});
afterEach(() => place.remove());

/** `file://` base with the repository `octo/tool` below it. */
function repository(): { repo: Repository; baseUrl: string } {
  return { repo: new Repository(join(place.root, 'remote/octo/tool')), baseUrl: `file://${place.root}/remote` };
}

describe('local actions', () => {
  it('are read from the workspace as it is at that moment', async () => {
    const store = place.store();
    await expect(load(store, './a', place.workspace)).rejects.toThrow(
      `There is no 'action.yml', 'action.yaml' or 'Dockerfile' in '${place.workspace}/a'. A local action is there once actions/checkout`,
    );
    await writeFiles(place.workspace, { 'a/action.yml': SAYS('one') });
    expect(await load(store, './a', place.workspace)).toMatchObject({
      ...{ uses: './a', directory: join(place.workspace, 'a'), note: null },
      manifest: { name: 'one', runs: { using: 'node', version: 20, main: 'main.js' } },
    });
    await writeFiles(place.workspace, { 'a/action.yml': SAYS('two') });
    expect((await load(store, './a', place.workspace)).manifest.name).toBe('two');
  });

  it('action.yml is looked for before action.yaml, and that before a Dockerfile', async () => {
    const store = place.store();
    await writeFiles(place.workspace, { 'a/Dockerfile': 'FROM scratch' });
    expect((await load(store, './a', place.workspace)).manifest.runs).toMatchObject({
      using: 'docker',
      image: 'Dockerfile',
    });
    await writeFiles(place.workspace, { 'a/action.yaml': SAYS('yaml') });
    expect((await load(store, './a', place.workspace)).manifest.name).toBe('yaml');
    await mkdir(join(place.workspace, 'a/action.yml'));
    expect((await load(store, './a', place.workspace)).manifest.name).toBe('yaml');
  });

  it('what is wrong with a manifest is said with file, line and column', async () => {
    await writeFiles(place.workspace, { 'a/action.yml': 'runs: {{' });
    await expect(load(place.store(), './a', place.workspace)).rejects.toThrow(/\ba\/action\.yml:1:\d+: error: /);
  });
});

describe('actions of other repositories', () => {
  it('are looked for in the roots first, with the ref and without', async () => {
    const roots = [join(place.root, 'one'), join(place.root, 'two')];
    const store = place.store({ roots, offline: true });
    await writeFiles(roots[1]!, { 'octo/tool/action.yml': SAYS('two'), 'octo/tool/sub/action.yml': SAYS('sub') });
    expect((await load(store, 'octo/tool@v1')).manifest.name).toBe('two');
    await writeFiles(roots[0]!, { 'octo/tool/action.yml': SAYS('one'), 'octo/tool@v2/action.yml': SAYS('one at v2') });
    expect((await load(store, 'octo/tool@v1')).manifest.name).toBe('one');
    expect((await load(store, 'octo/tool@v2')).manifest.name).toBe('one at v2');
    expect((await load(store, 'octo/tool/sub@v2')).manifest.name).toBe('sub');
  });

  it('offline, what is missing is named, and where it was looked for', async () => {
    const roots = [join(place.root, 'one')];
    await expect(load(place.store({ roots, offline: true }), 'octo/tool@v1')).rejects.toThrow(
      `The action 'octo/tool@v1' is not on this machine, and --offline forbids fetching it. Looked in: ${place.root}/one/octo/tool@v1, ${place.root}/one/octo/tool, ${place.root}/cache/octo/tool/v1.`,
    );
  });

  it('come by git: a branch, a tag, a commit, a folder of the repository', async () => {
    const { repo, baseUrl } = repository();
    const first = await repo.commit({ 'action.yml': SAYS('first'), 'sub/action.yml': SAYS('sub') });
    repo.git('tag', 'v1');
    repo.git('branch', 'releases/v1');
    await repo.commit({ 'action.yml': SAYS('second') });
    const store = place.store({ baseUrl });
    expect((await load(store, 'octo/tool@main')).manifest.name).toBe('second');
    for (const ref of ['v1', 'releases/v1', first])
      expect((await load(store, `octo/tool@${ref}`)).manifest.name).toBe('first');
    const sub = await load(store, 'octo/tool/sub@v1');
    expect(sub.manifest.name).toBe('sub');
    expect(await readdir(join(sub.directory, '..'))).toEqual(['action.yml', 'sub']);
    await expect(load(store, 'octo/tool@nope')).rejects.toThrow(
      /^The action 'octo\/tool@nope' cannot be had: git could not fetch nope from file:.*couldn't find remote ref nope/,
    );
    await expect(load(store, 'octo/tool/none@v1')).rejects.toThrow(/There is no 'action.yml'.*'octo\/tool\/none@v1'/);
    expect(await readdir(join(place.cacheDirectory, '.incoming'))).toEqual([]);
  });

  it('are kept across stores: offline too', async () => {
    const { repo, baseUrl } = repository();
    await repo.commit({ 'action.yml': SAYS('kept') });
    const first = await load(place.store({ baseUrl }), 'octo/tool@main');
    const second = await load(place.store({ offline: true }), 'Octo/Tool@main');
    expect(second.directory).toBe(first.directory);
  });

  it('that name one commit for ever are fetched once; branches and moving tags again after an hour', async () => {
    const { repo, baseUrl } = repository();
    const commit = await repo.commit({ 'action.yml': SAYS('old') });
    for (const tag of ['v1', 'v1.2.3']) repo.git('tag', tag);
    const store = place.store({ baseUrl });
    const refs = ['main', 'v1', 'v1.2.3', commit];
    const names = async (): Promise<(string | null)[]> => {
      const loaded: (string | null)[] = [];
      for (const ref of refs) loaded.push((await load(store, `octo/tool@${ref}`)).manifest.name);
      return loaded;
    };
    await names();
    await repo.commit({ 'action.yml': SAYS('new') });
    for (const tag of ['v1', 'v1.2.3']) repo.git('tag', '--force', tag);
    expect(await names()).toEqual(['old', 'old', 'old', 'old']);
    await place.clock.advance(REFRESH_AFTER_MS);
    expect(await names()).toEqual(['new', 'new', 'old', 'old']);
  });

  it('that did not change are not copied again', async () => {
    const { repo, baseUrl } = repository();
    await repo.commit({ 'action.yml': SAYS('same') });
    const store = place.store({ baseUrl });
    const before = await load(store, 'octo/tool@main');
    await place.clock.advance(REFRESH_AFTER_MS);
    expect((await load(store, 'octo/tool@main')).directory).toBe(before.directory);
    const mark = JSON.parse(await readFile(join(before.directory, '../current.json'), 'utf8'));
    expect(mark.fetchedAt).toBe(place.clock.now());
  });

  it('a copy that was superseded stays for jobs that use it, and goes a week later', async () => {
    const { repo, baseUrl } = repository();
    const store = place.store({ baseUrl });
    const copies: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      await repo.commit({ 'action.yml': SAYS(name) });
      copies.push((await load(store, 'octo/tool@main')).directory);
      await place.clock.advance(REFRESH_AFTER_MS);
    }
    await stat(copies[0]!);
    await place.clock.advance(8 * 24 * 60 * 60 * 1000);
    await repo.commit({ 'action.yml': SAYS('four') });
    await load(store, 'octo/tool@main');
    await expect(stat(copies[0]!)).rejects.toThrow('ENOENT');
    await expect(stat(copies[1]!)).rejects.toThrow('ENOENT');
    // In use until this moment.
    await stat(copies[2]!);
  });

  it('when a newer one cannot be had, the copy is used, and the log will say so', async () => {
    const { repo, baseUrl } = repository();
    await repo.commit({ 'action.yml': SAYS('kept') });
    const fetched = await load(place.store({ baseUrl }), 'octo/tool@main');
    await place.clock.advance(REFRESH_AFTER_MS);
    const stale = await load(place.store({ baseUrl: `file://${place.root}/gone` }), 'octo/tool@main');
    expect(stale.directory).toBe(fetched.directory);
    expect(stale.note).toMatch(/^Using the copy of octo\/tool@main fetched at 2026-01-01T00:00:00.000Z, because .*git/);
  });

  it('ten that ask for one at once share its fetch', async () => {
    const { repo, baseUrl } = repository();
    await repo.commit({ 'action.yml': SAYS('shared'), 'sub/action.yml': SAYS('shared too') });
    const store = place.store({ baseUrl });
    const uses = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? 'octo/tool@main' : 'octo/tool/sub@main'));
    const loaded = await Promise.all(uses.map((one) => load(store, one)));
    expect(new Set(loaded.map(({ directory }) => directory)).size).toBe(2);
    expect((await readdir(join(place.cacheDirectory, 'octo/tool/main'))).length).toBe(2);
  });

  it('stores of several processes do not get in each other’s way', async () => {
    const { repo, baseUrl } = repository();
    await repo.commit({ 'action.yml': SAYS('both') });
    const loaded = await Promise.all(Array.from({ length: 4 }, () => load(place.store({ baseUrl }), 'octo/tool@main')));
    for (const { directory } of loaded) await stat(join(directory, 'action.yml'));
  });

  it('a cache that was spoilt by hand is fetched anew', async () => {
    const { repo, baseUrl } = repository();
    await repo.commit({ 'action.yml': SAYS('fine') });
    const store = place.store({ baseUrl });
    const { directory } = await load(store, 'octo/tool@main');
    await writeFile(join(directory, '../current.json'), '{');
    expect((await load(store, 'octo/tool@main')).manifest.name).toBe('fine');
  });

  it('a cancelled load ends at once and leaves nothing; others who wait for it get theirs', async () => {
    const { repo, baseUrl } = repository();
    await repo.commit({ 'action.yml': SAYS('fine') });
    const store = place.store({ baseUrl });
    const scope = new AbortScope();
    const cancelled = store.load('octo/tool@main', '', scope.signal);
    const kept = load(store, 'octo/tool@main');
    scope.cancel('user');
    expect(await cancelled).toEqual({ kind: 'problem', message: "Loading the action 'octo/tool@main' was cancelled." });
    expect((await kept).manifest.name).toBe('fine');
  });

  it('a cache that cannot be written is a problem with the system’s own words', async () => {
    await writeFile(place.cacheDirectory, 'a file');
    await expect(load(place.store(), 'octo/tool@v1')).rejects.toThrow(
      /The action 'octo\/tool@v1' cannot be loaded: .*(ENOTDIR|EEXIST)/,
    );
  });
});
