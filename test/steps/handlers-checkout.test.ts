import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openPlace, Repository, type Place } from '../actions/actions-harness.ts';
import type { InPlaceCheckout } from '../../src/steps/checkout-answer.ts';
import { GITHUB, openJob, usesPlan, type JobOptions, type TestJob } from './handlers-harness.ts';

const jobs: TestJob[] = [];
let place: Place;
beforeEach(async () => {
  place = await openPlace();
});
afterEach(async () => {
  for (const job of jobs.splice(0)) await job.dispose();
  await place.remove();
});

async function job(policy: Partial<InPlaceCheckout> = {}, options: JobOptions = {}): Promise<TestJob> {
  const checkout = {
    ...{ kind: 'in-place' as const, repository: 'octo/repo', baseUrl: `file://${place.root}/remote`, offline: false },
    ...policy,
  };
  const opened = await openJob({ ...options, handlers: { checkout } });
  jobs.push(opened);
  return opened;
}

function remote(name: string): Repository {
  return new Repository(join(place.root, 'remote', name));
}

const checkout = (inputs: Record<string, string | number | boolean> = {}): ReturnType<typeof usesPlan> =>
  usesPlan('actions/checkout@v4', { id: 'checkout', with: inputs });

describe('actions/checkout of what is there', () => {
  it.each([
    {},
    { ref: '' },
    { ref: 'main' },
    { ref: GITHUB.sha },
    { repository: 'Octo/Repo', ref: 'refs/heads/main', path: '.' },
    { 'fetch-depth': 0, 'persist-credentials': false },
  ])('%j is the workspace as it is', async (inputs) => {
    const test = await job({ offline: true }, { files: { work: 'of somebody' } });
    const step = await test.run(checkout(inputs));
    expect(step).toMatchObject({ outcome: 'success', messages: [] });
    expect(step.printed).toEqual([
      `The workspace ${test.workspace} is used as it is: nothing was fetched, cleaned or reset.`,
    ]);
    expect(step.effects.outputs).toEqual(
      new Map([
        ['ref', 'refs/heads/main'],
        ['commit', GITHUB.sha],
      ]),
    );
    expect(await readFile(join(test.workspace, 'work'), 'utf8')).toBe('of somebody');
  });

  it('is answered in any version, also inside a composite action', async () => {
    const test = await job(
      { offline: true },
      { files: { 'c/action.yml': 'runs: { using: composite, steps: [{ uses: Actions/Checkout@0123456 }] }' } },
    );
    expect((await test.run(usesPlan('./c'))).printed.at(-1)).toContain('is used as it is');
  });
});

describe('actions/checkout of something else', () => {
  it('clones another repository into its path: one commit, or as many as asked for', async () => {
    const repo = remote('octo/other');
    await repo.commit({ file: 'one' });
    const commit = await repo.commit({ file: 'two' });
    const test = await job();
    const step = await test.run(checkout({ repository: 'octo/other', path: 'lib/other' }));
    expect(step).toMatchObject({ outcome: 'success', messages: [] });
    expect(step.effects.outputs).toEqual(
      new Map([
        ['ref', ''],
        ['commit', commit],
      ]),
    );
    const target = join(test.workspace, 'lib/other');
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('two');
    expect(new Repository(target).git('rev-list', '--count', 'HEAD')).toBe('1');
    await test.run(checkout({ repository: 'octo/other', path: 'all', 'fetch-depth': 0 }));
    expect(new Repository(join(test.workspace, 'all')).git('rev-list', '--count', 'HEAD')).toBe('2');
  });

  it('takes a branch, a tag or a commit', async () => {
    const repo = remote('octo/repo');
    const first = await repo.commit({ file: 'one' });
    repo.git('tag', 'v1');
    repo.git('branch', 'old');
    await repo.commit({ file: 'two' });
    const test = await job();
    for (const ref of ['v1', 'old', first]) {
      const step = await test.run(checkout({ ref, path: `at-${ref}` }));
      expect(step.effects.outputs.get('commit')).toBe(first);
      expect(await readFile(join(test.workspace, `at-${ref}`, 'file'), 'utf8')).toBe('one');
    }
  });

  it('brings what an earlier run cloned to the ref, but not over changes', async () => {
    const repo = remote('octo/other');
    await repo.commit({ file: 'one' });
    const test = await job();
    const step = checkout({ repository: 'octo/other', path: 'other' });
    await test.run(step);
    await repo.commit({ file: 'two' });
    expect((await test.run(step)).outcome).toBe('success');
    const file = join(test.workspace, 'other/file');
    expect(await readFile(file, 'utf8')).toBe('two');
    await writeFile(file, 'of somebody');
    await repo.commit({ file: 'three' });
    const refused = await test.run(step);
    expect(refused).toMatchObject({ outcome: 'failure', exitCode: 1 });
    expect(refused.messages).toEqual(['error: git checkout ended with exit code 1.']);
    expect(await readFile(file, 'utf8')).toBe('of somebody');
  });

  it('takes the commit of the workspace itself out of its own git', async () => {
    const test = await job({ offline: true }, { files: { file: 'committed' }, contexts: { github: { sha: '' } } });
    const own = new Repository(test.workspace);
    const commit = await own.commit({ file: 'committed' });
    const step = await test.run(checkout({ path: 'copy' }));
    expect(step).toMatchObject({ outcome: 'success', messages: [] });
    expect(step.effects.outputs.get('commit')).toBe(commit);
    expect(await readFile(join(test.workspace, 'copy/file'), 'utf8')).toBe('committed');
  });

  it('never touches a folder that holds something else, the workspace first of all', async () => {
    await remote('octo/repo').commit({ file: 'remote' });
    const test = await job({}, { files: { file: 'of somebody', 'lib/file': 'of somebody' } });
    for (const inputs of [{ ref: 'other' }, { repository: 'octo/other' }, { ref: 'other', path: 'lib' }]) {
      const step = await test.run({ ...checkout(inputs), if: 'always()' });
      expect(step).toMatchObject({ outcome: 'failure', reason: 'start-failed' });
      expect(step.messages[0]).toMatch(/is in use, and Paceline neither cleans nor switches it .*`path` of its own/);
    }
    expect(await readFile(join(test.workspace, 'file'), 'utf8')).toBe('of somebody');
  });

  it('clones into a workspace that is empty', async () => {
    await remote('octo/other').commit({ file: 'other' });
    const test = await job();
    expect((await test.run(checkout({ repository: 'octo/other' }))).outcome).toBe('success');
    expect(await readFile(join(test.workspace, 'file'), 'utf8')).toBe('other');
  });

  it.each([
    [
      { repository: 'octo/other', path: 'x' },
      { offline: true },
      /octo\/other \(HEAD\) needs the network, and --offline/,
    ],
    [{ path: '../x' }, {}, /path '\.\.\/x' .* outside of the workspace/],
    [{ repository: 'nonsense' }, {}, /not of the form owner\/name/],
    [{ path: 'x', 'fetch-depth': 'deep' }, {}, /fetch-depth 'deep'/],
    [{ repository: 'octo/gone', path: 'x' }, {}, /git fetch ended with exit code 128/],
  ])('%j fails with a sentence', async (inputs: Record<string, string>, policy: Partial<InPlaceCheckout>, sentence) => {
    const step = await (await job(policy)).run(checkout(inputs));
    expect(step.outcome).toBe('failure');
    expect(step.messages).toEqual([expect.stringMatching(sentence)]);
  });
});
