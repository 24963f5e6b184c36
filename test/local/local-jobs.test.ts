import { describe, expect, it } from '@jest/globals';
import PQueue from 'p-queue';
import type { StartJob } from '../../src/flow/flow-event.ts';
import { causeOf } from '../../src/kernel/cancellation.ts';
import { type JobSignals, LocalJobs } from '../../src/local/local-jobs.ts';
import type { JobReport } from '../../src/protocol/report.ts';
import { job } from './recorded-events.ts';

const command = (key: string): StartJob => ({ key }) as StartJob;

interface Running {
  readonly key: string;
  readonly signals: JobSignals;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

function opened(concurrency: number): {
  jobs: LocalJobs<JobReport>;
  running: Running[];
  completed: string[];
  failed: unknown[];
  idle: () => Promise<void>;
} {
  const running: Running[] = [];
  const completed: string[] = [];
  const failed: unknown[] = [];
  const queue = new PQueue({ concurrency });
  const jobs = new LocalJobs({
    queue,
    run: ({ key }, signals) =>
      new Promise<JobReport>((resolve, reject) => {
        running.push({ key, signals, end: () => resolve(job(key, [])), fail: reject });
      }),
    neverRan: ({ key }, cause) => job(key, [], { conclusion: 'cancelled', reason: cause }),
    started: () => undefined,
    completed: (key, { conclusion }) => completed.push(`${key} ${conclusion}`),
    failed: (error) => failed.push(error),
  });
  return { jobs, running, completed, failed, idle: () => queue.onIdle() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('jobs in one process', () => {
  it('run as many at once as they may, in the order they were started', async () => {
    const { jobs, running, completed, idle } = opened(2);
    for (const key of ['a', 'b', 'c']) jobs.start(command(key));
    await turn();
    expect(running.map(({ key }) => key)).toEqual(['a', 'b']);
    running[1]!.end();
    await turn();
    expect(running.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
    for (const { end } of running) end();
    await idle();
    expect(completed).toEqual(['b success', 'a success', 'c success']);
  });

  it('that are cancelled in the queue are over at once, and never run', async () => {
    const { jobs, running, completed, idle } = opened(1);
    for (const key of ['a', 'b']) jobs.start(command(key));
    await turn();
    jobs.cancel({ kind: 'cancel-job', key: 'b', cause: 'fail-fast' });
    expect(completed).toEqual([]);
    await turn();
    expect(completed).toEqual(['b cancelled']);
    running[0]!.end();
    await idle();
    expect([running.length, completed]).toEqual([1, ['b cancelled', 'a success']]);
  });

  it('that run are asked to end, and end when they do', async () => {
    const { jobs, running, completed, idle } = opened(1);
    jobs.start(command('a'));
    await turn();
    const { cancel, kill } = running[0]!.signals;
    jobs.cancel({ kind: 'cancel-job', key: 'a', cause: 'user' });
    expect([causeOf(cancel), kill.aborted]).toEqual(['user', false]);
    await turn();
    expect(completed).toEqual([]);
    jobs.kill();
    expect(kill.aborted).toBe(true);
    running[0]!.end();
    await idle();
    expect(completed).toEqual(['a success']);
  });

  it('that start after everything was told to end at once know it', async () => {
    const { jobs, running, idle } = opened(1);
    jobs.kill();
    jobs.start(command('a'));
    await turn();
    expect(running[0]!.signals.kill.aborted).toBe(true);
    running[0]!.end();
    await idle();
  });

  it('that end by a fault of ours are told of, and count as nothing else', async () => {
    const { jobs, running, completed, failed, idle } = opened(1);
    jobs.start(command('a'));
    await turn();
    running[0]!.fail(new Error('a bug'));
    await idle();
    expect([completed, String(failed[0])]).toEqual([[], 'Error: a bug']);
  });

  it('ignore a cancel for what is over or unknown', async () => {
    const { jobs, running, completed, idle } = opened(1);
    jobs.start(command('a'));
    await turn();
    running[0]!.end();
    await idle();
    for (const key of ['a', 'x']) jobs.cancel({ kind: 'cancel-job', key, cause: 'user' });
    await turn();
    expect(completed).toEqual(['a success']);
  });
});
