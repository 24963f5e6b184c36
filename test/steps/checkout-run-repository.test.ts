import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { authorization } from '../../src/kernel/git-environment.ts';
import type { RunRepository } from '../../src/steps/checkout-run-repository.ts';
import { openPlace, Repository, type Place } from '../actions/actions-harness.ts';
import { type GitHttpServer, serveGit } from '../support/git-http.ts';
import { openJob, runPlan as run, usesPlan, writeFiles, type JobOptions, type TestJob } from './handlers-harness.ts';

const jobs: TestJob[] = [];
const servers: GitHttpServer[] = [];
let place: Place;
let origin: Repository;
beforeEach(async () => {
  place = await openPlace();
  origin = new Repository(join(place.root, 'remote', 'octo', 'repo'));
});
afterEach(async () => {
  for (const job of jobs.splice(0)) await job.dispose();
  for (const server of servers.splice(0)) await server.close();
  await place.remove();
});

async function job(
  repository: Partial<RunRepository> | null,
  options: JobOptions & { readonly offline?: boolean } = {},
): Promise<TestJob> {
  const own: RunRepository = {
    ...{ repository: 'octo/repo', url: `file://${origin.directory}`, ref: 'refs/heads/main', sha: '', token: null },
    ...repository,
  };
  const opened = await openJob({
    ...options,
    contexts: { github: { repository: 'octo/repo', token: '' }, ...options.contexts },
    handlers: {
      checkout: {
        kind: 'run-repository',
        repository: repository === null ? null : own,
        baseUrl: `file://${place.root}/remote`,
        offline: options.offline ?? false,
      },
    },
  });
  jobs.push(opened);
  return opened;
}

async function serveOrigin(token: string | null, user?: string): Promise<GitHttpServer> {
  const header = token === null ? null : authorization(token, user).replace('AUTHORIZATION: ', '');
  const server = await serveGit(join(place.root, 'remote'), header);
  servers.push(server);
  return server;
}

const checkout = (inputs: Record<string, string | number | boolean> = {}): ReturnType<typeof usesPlan> =>
  usesPlan('actions/checkout@v4', { id: 'checkout', with: inputs });

const clone = (test: TestJob, path = ''): Repository => new Repository(join(test.workspace, path));

describe("actions/checkout of the run's own repository", () => {
  it("brings the run's commit into the workspace, on its branch, whatever the branch is by now", async () => {
    await origin.commit({ file: 'zero' });
    const sha = await origin.commit({ file: 'one' });
    await origin.commit({ file: 'two' });
    const test = await job({ sha });
    const step = await test.run(checkout());
    expect(step).toMatchObject({ outcome: 'success', messages: [] });
    expect(Object.fromEntries(step.effects.outputs)).toEqual({ ref: 'refs/heads/main', commit: sha });
    const cloned = clone(test);
    expect(await readFile(join(test.workspace, 'file'), 'utf8')).toBe('one');
    expect(cloned.git('rev-parse', '--abbrev-ref', 'HEAD')).toBe('main');
    expect(cloned.git('rev-parse', 'origin/main')).toBe(sha);
    expect(cloned.git('rev-list', '--count', 'HEAD')).toBe('1');
    expect(cloned.git('status', '--porcelain')).toBe('');
  });

  it.each([{ ref: 'main' }, { ref: 'refs/heads/main' }, { repository: 'Octo/Repo' }])(
    '%j asks for nothing else',
    async (inputs) => {
      const sha = await origin.commit({ file: 'one' });
      await origin.commit({ file: 'two' });
      const step = await (await job({ sha })).run(checkout(inputs));
      expect(step.effects.outputs.get('commit')).toBe(sha);
    },
  );

  it('is on no branch for a tag or a pull request', async () => {
    const sha = await origin.commit({ file: 'one' });
    origin.git('tag', 'v1');
    origin.git('update-ref', 'refs/pull/7/merge', sha);
    for (const ref of ['refs/tags/v1', 'refs/pull/7/merge']) {
      const test = await job({ sha, ref });
      expect(await test.run(checkout())).toMatchObject({ outcome: 'success', messages: [] });
      expect(clone(test).git('rev-parse', '--abbrev-ref', 'HEAD')).toBe('HEAD');
    }
  });

  it('takes a branch, a tag or a commit where the step names one', async () => {
    const first = await origin.commit({ file: 'one' });
    origin.git('tag', 'v1');
    origin.git('branch', 'old/er');
    const sha = await origin.commit({ file: 'two' });
    const test = await job({ sha });
    for (const ref of ['v1', 'old/er', 'refs/tags/v1', first]) {
      const step = await test.run(checkout({ ref }));
      expect(step).toMatchObject({ outcome: 'success', messages: [] });
      expect([ref, step.effects.outputs.get('commit')]).toEqual([ref, first]);
      expect(clone(test).git('rev-parse', '--abbrev-ref', 'HEAD')).toBe(ref === 'old/er' ? ref : 'HEAD');
    }
    expect((await test.run(checkout({ ref: 'gone' }))).messages).toEqual([
      "error: There is no branch or tag 'gone' in the repository of this run.",
    ]);
  });

  it('fetches as much of the history as asked for, also later', async () => {
    await origin.commit({ file: 'one' });
    await origin.commit({ file: 'two' });
    origin.git('tag', 'v1');
    const sha = await origin.commit({ file: 'three' });
    const test = await job({ sha });
    const count = (): string => clone(test).git('rev-list', '--count', 'HEAD');
    await test.run(checkout());
    expect([count(), clone(test).git('tag')]).toEqual(['1', '']);
    await test.run(checkout({ 'fetch-depth': 2 }));
    expect(count()).toBe('2');
    expect(await test.run(checkout({ 'fetch-depth': 0 }))).toMatchObject({ outcome: 'success', messages: [] });
    expect([count(), clone(test).git('tag')]).toEqual(['3', 'v1']);
    expect(await test.run(checkout({ 'fetch-depth': 0 }))).toMatchObject({ outcome: 'success', messages: [] });
  });

  it('says when the commit was not pushed', async () => {
    await origin.commit({ file: 'one' });
    const sha = 'a'.repeat(40);
    const step = await (await job({ sha })).run(checkout());
    expect(step).toMatchObject({ outcome: 'failure', reason: 'start-failed' });
    expect(step.messages).toEqual([`error: The commit ${sha} is not in refs/heads/main. Has it been pushed?`]);
  });

  it('says what to do in a run without a repository', async () => {
    const step = await (await job(null)).run(checkout());
    expect(step).toMatchObject({ outcome: 'failure', reason: 'start-failed' });
    expect(step.messages).toEqual([expect.stringContaining('paceline submit --repository URL')]);
  });

  it('fetches submodules where the step asks for them', async () => {
    const inner = new Repository(join(place.root, 'remote', 'octo', 'inner'));
    await inner.commit({ inside: 'yes' });
    await origin.commit({ file: 'one' });
    origin.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.directory, 'sub');
    const sha = await origin.commit({ file: 'two' });
    const env = { GIT_CONFIG_GLOBAL: join(place.root, 'gitconfig') };
    await writeFile(env.GIT_CONFIG_GLOBAL, '[protocol "file"]\n\tallow = always\n');
    const test = await job({ sha }, { env });
    await test.run(checkout());
    expect(await readdir(join(test.workspace, 'sub'))).toEqual([]);
    expect(await test.run(checkout({ submodules: true }))).toMatchObject({ outcome: 'success' });
    expect(await readFile(join(test.workspace, 'sub/inside'), 'utf8')).toBe('yes');
  });
});

describe('a workspace that is not empty', () => {
  it('is cleaned and reset where it is a clone already', async () => {
    const sha = await origin.commit({ file: 'one', '.gitignore': 'built/' });
    const test = await job({ sha });
    await test.run(checkout());
    clone(test).git('branch', 'left');
    await writeFiles(test.workspace, { file: 'changed', 'built/x': '', untracked: '', '.git/index.lock': '' });
    const marked = await stat(join(test.workspace, '.git'));
    const step = await test.run(checkout());
    expect(step).toMatchObject({ outcome: 'success', messages: [] });
    expect((await readdir(test.workspace)).sort()).toEqual(['.git', '.gitignore', 'file']);
    expect(await readFile(join(test.workspace, 'file'), 'utf8')).toBe('one');
    expect((await stat(join(test.workspace, '.git'))).ino).toBe(marked.ino);
    expect(clone(test).git('branch', '--format=%(refname:short)')).toBe('main');
  });

  it('keeps what is not in the way with `clean: false`', async () => {
    const sha = await origin.commit({ file: 'one' });
    const test = await job({ sha });
    await test.run(checkout());
    await writeFiles(test.workspace, { cache: 'kept', file: 'changed' });
    await test.run(checkout({ clean: false }));
    expect(await readFile(join(test.workspace, 'cache'), 'utf8')).toBe('kept');
    expect(await readFile(join(test.workspace, 'file'), 'utf8')).toBe('one');
  });

  it('is emptied where it is anything else, or broken', async () => {
    const sha = await origin.commit({ file: 'one' });
    const test = await job({ sha }, { files: { other: 'of another job', 'a/b': '' } });
    expect(await test.run(checkout())).toMatchObject({ outcome: 'success', messages: [] });
    expect((await readdir(test.workspace)).sort()).toEqual(['.git', 'file']);
    await writeFile(join(test.workspace, '.git/HEAD'), 'nonsense');
    expect(await test.run(checkout())).toMatchObject({ outcome: 'success', messages: [] });
    await writeFile(join(test.workspace, '.git/refs/heads/main'), 'nonsense');
    expect(await test.run(checkout())).toMatchObject({ outcome: 'success', messages: [] });
    expect(clone(test).git('rev-parse', 'HEAD')).toBe(sha);
  });

  it('takes a branch whose name was a folder of branches before', async () => {
    await origin.commit({ file: 'one' });
    origin.git('branch', 'a/b');
    const test = await job({ ref: 'refs/heads/a/b', sha: origin.git('rev-parse', 'a/b') });
    await test.run(checkout());
    origin.git('branch', '-D', 'a/b');
    origin.git('branch', 'a');
    const step = await test.run(checkout({ ref: 'a' }));
    expect(step).toMatchObject({ outcome: 'success', messages: [] });
    expect(clone(test).git('rev-parse', '--abbrev-ref', 'HEAD')).toBe('a');
  });

  it('has other repositories and other paths side by side', async () => {
    const sha = await origin.commit({ file: 'one' });
    await new Repository(join(place.root, 'remote', 'octo', 'other')).commit({ file: 'other' });
    const test = await job({ sha });
    await test.run(checkout({ path: 'own' }));
    expect((await test.run(checkout({ repository: 'octo/other', path: 'other' }))).outcome).toBe('success');
    expect(await readFile(join(test.workspace, 'own/file'), 'utf8')).toBe('one');
    expect(await readFile(join(test.workspace, 'other/file'), 'utf8')).toBe('other');
    const offline = await job({ sha }, { offline: true });
    expect((await offline.run(checkout({ repository: 'octo/other', path: 'x' }))).outcome).toBe('failure');
  });
});

describe('a repository that wants to know who asks', () => {
  const TOKEN = 'clone-token-0123456789';

  it('is shown the token, which stands in no file of the clone; later steps may use it', async () => {
    const sha = await origin.commit({ file: 'one' });
    const server = await serveOrigin(TOKEN);
    const test = await job({ url: `${server.url}/octo/repo`, sha, token: TOKEN });
    expect(await test.run(checkout())).toMatchObject({ outcome: 'success', messages: [] });
    expect(clone(test).git('config', '--get', 'remote.origin.url')).toBe(`${server.url}/octo/repo`);
    for (const name of ['config', 'FETCH_HEAD'])
      expect(await readFile(join(test.workspace, '.git', name), 'utf8')).not.toMatch(/clone-token|basic/i);
    expect((await test.run(run('git fetch --quiet origin main'))).outcome).toBe('success');
    // The same clone again: one header, although the configuration names one too.
    expect(await test.run(checkout())).toMatchObject({ outcome: 'success', messages: [] });
    expect(server.shown.every((given) => given.length <= 1)).toBe(true);
    const credentials = (await readdir(test.tempDirectory)).filter((name) => name.startsWith('git-credentials'));
    for (const name of credentials) expect((await stat(join(test.tempDirectory, name))).mode & 0o777).toBe(0o600);
    expect(clone(test).git('config', '--get-all', 'include.path').split('\n')).toHaveLength(1);
    expect(await test.run(checkout({ 'persist-credentials': false }))).toMatchObject({ outcome: 'success' });
    expect((await test.run(run('git fetch --quiet origin main'))).outcome).toBe('failure');
  });

  it('is shown user and password of its URL, which are not kept in the clone', async () => {
    const sha = await origin.commit({ file: 'one' });
    const server = await serveOrigin('pass:word', 'ada');
    const url = `${server.url}/octo/repo`.replace('//', '//ada:pass%3Aword@');
    const test = await job({ url, sha });
    const step = await test.run(checkout());
    expect(step).toMatchObject({ outcome: 'success', messages: [] });
    expect(step.log).not.toContain('ada');
    expect(clone(test).git('config', '--get', 'remote.origin.url')).toBe(`${server.url}/octo/repo`);
  });

  it('is shown the token of the step instead, where it gives one', async () => {
    const sha = await origin.commit({ file: 'one' });
    const server = await serveOrigin(TOKEN);
    const test = await job({ url: `${server.url}/octo/repo`, sha, token: 'another' });
    expect((await test.run(checkout())).outcome).toBe('failure');
    expect((await test.run({ ...checkout({ token: TOKEN }), if: 'always()' })).outcome).toBe('success');
  });

  it('never gets the token of another host', async () => {
    const sha = await origin.commit({ file: 'one' });
    const server = await serveOrigin(null);
    const test = await job({ sha, token: TOKEN });
    const other = { ...checkout({ repository: 'octo/repo2', path: 'x' }) };
    await test.run(other);
    await test.run({ ...run(`git ls-remote --quiet ${server.url}/octo/repo`), if: 'always()' });
    expect(server.shown.flat()).toEqual([]);
  });
});
