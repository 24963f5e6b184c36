import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { findJobCgroups, makeJobCgroup, type Cgroup } from '../../src/process/cgroup.ts';
import { describeWithCgroups } from '../support/process-bench.ts';

const ownCgroup = (): string => readFileSync('/proc/self/cgroup', 'latin1');

describeWithCgroups('a cgroup', () => {
  let job: Cgroup;
  let jobId: string;

  beforeEach(() => {
    jobId = randomUUID();
    job = makeJobCgroup(jobId)!;
  });
  afterEach(() => {
    expect(job.remove()).toBe(true);
    expect(findJobCgroups(jobId)).toEqual([]);
  });

  it('holds what is started inside, and not us', async () => {
    const before = ownCgroup();
    const leaf = job.leaf('0')!;
    const { entered, value: child } = leaf.enter(() => spawn('sleep', ['999']));
    expect(entered).toBe(true);
    expect(ownCgroup()).toBe(before);
    expect(leaf.pids()).toEqual([child.pid]);
    expect(job.pids()).toEqual([child.pid]);
    expect(leaf.remove()).toBe(false);
    leaf.kill();
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    expect(leaf.remove()).toBe(true);
  });

  it('is left again when the start fails', () => {
    const before = ownCgroup();
    expect(() =>
      job.leaf('0')!.enter(() => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(ownCgroup()).toBe(before);
  });

  it('does not kill us, should we be inside', () => {
    const leaf = job.leaf('0')!;
    leaf.enter(() => leaf.kill());
    expect(leaf.pids()).toEqual([]);
  });

  it('lets go what is to live on', async () => {
    const leaf = job.leaf('0')!;
    const { value: child } = leaf.enter(() => spawn('sleep', ['999']));
    leaf.release(child.pid!);
    expect(leaf.pids()).toEqual([]);
    leaf.kill();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it('goes with what was made below it', () => {
    const leaf = job.leaf('0')!;
    mkdirSync(join(leaf.directory, 'a/b'), { recursive: true });
    expect(leaf.remove()).toBe(true);
  });

  it('is not to be had twice, nor below one that is gone', () => {
    expect(job.leaf('0')).not.toBeNull();
    expect(job.leaf('0')).toBeNull();
    job.remove();
    expect(job.leaf('1')).toBeNull();
    expect(job.leaf('1')?.enter(() => 1)).toBeUndefined();
  });

  it('of another job with a longer id is not ours', () => {
    const other = makeJobCgroup(`${jobId}2`)!;
    expect(findJobCgroups(jobId).map(({ directory }) => directory)).toEqual([job.directory]);
    other.remove();
  });
});
