import {
  appendFile,
  link,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FilePool } from '../../src/steps/file-pool.ts';
import { openJob, runPlan, type TestJob } from './handlers-harness.ts';

describe('the pool of files', () => {
  let directory: string;
  let pool: FilePool;
  const path = (name: string): string => join(directory, name);
  const read = (name: string): Promise<string> => readFile(path(name), 'utf8');
  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'paceline-pool-')));
    pool = new FilePool();
    pool.write(path('old'), 'written by us');
    await appendFile(path('old'), ' and by a step');
    pool.giveBack([path('old')]);
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('makes a new file of a used one: nothing is left of its content and its name', async () => {
    pool.write(path('new'), '');
    expect(await readdir(directory)).toEqual(['new']);
    expect(await read('new')).toBe('');
    pool.write(path('another'), 'x');
    expect(await readdir(directory)).toEqual(['another', 'new']);
  });

  it('never writes through a link that a step put in the place of its file', async () => {
    await writeFile(path('precious'), 'of somebody');
    for (const makeLink of [symlink, link]) {
      await unlink(path('old')).catch(() => undefined);
      await makeLink(path('precious'), path('old'));
      pool.write(path(`for-${makeLink.name}`), 'new');
      expect(await read('precious')).toBe('of somebody');
      expect(await read(`for-${makeLink.name}`)).toBe('new');
      pool.giveBack([path('old')]);
    }
  });

  it('makes a file anew when a step has removed the used one, or the folder', async () => {
    await rm(directory, { recursive: true });
    pool.write(path('new'), 'x');
    expect(await read('new')).toBe('x');
  });
});

describe('the files of steps', () => {
  let job: TestJob;
  beforeEach(async () => {
    job = await openJob();
  });
  afterEach(() => job.dispose());

  it('begin as if no step had been before, whatever it did to its own', async () => {
    const spoil = 'for f in "$GITHUB_EVENT_PATH" "$GITHUB_STEP_SUMMARY" "$0"; do echo A=spoilt >> "$f"; done';
    await job.run(runPlan(`${spoil}; echo A=1 >> "$GITHUB_OUTPUT"`));
    const next = await job.run(runPlan('cat "$GITHUB_EVENT_PATH" "$GITHUB_STEP_SUMMARY" "$GITHUB_OUTPUT"'));
    expect(next.printed).toEqual(['{"number":1}']);
    expect(next.effects.outputs).toEqual(new Map());
    expect(next.summary).toBeNull();
  });

  it('that a process left running holds open are no other step’s', async () => {
    const server = 'tail -n 0 -f feed >> "$GITHUB_OUTPUT" 2> /dev/null & echo $! > pid';
    await job.run(runPlan(`touch feed; echo "$GITHUB_OUTPUT" > where; ${server}`));
    const late = 'echo late=1 >> feed; until grep late "$(cat where)" > /dev/null; do sleep 0.01; done';
    const next = await job.run(runPlan(`${late}; cat "$GITHUB_OUTPUT"; kill "$(cat pid)"`));
    expect(next.printed).toEqual([]);
    expect(next.effects.outputs).toEqual(new Map());
  });

  it('do not become more with every step', async () => {
    for (let n = 0; n < 5; n++) await job.run(runPlan('true'));
    expect(await readdir(join(job.tempDirectory, '_runner_file_commands'))).toHaveLength(5);
    expect(await readdir(join(job.tempDirectory, '_runner_scripts'))).toHaveLength(1);
  });
});
