/** The 43 patterns of control flow, as files, run by a server and an agent of processes. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import type { JobView, RunView } from '../../src/protocol/run-api.ts';
import { ControlPlane } from '../support/control-plane.ts';

const FOLDER = 'examples/patterns';
const root = new URL('../../', import.meta.url);
const files = readdirSync(new URL(FOLDER, root)).sort();
const LIMIT_MS = 120_000;

interface Expected {
  readonly run?: RunView['conclusion'];
  /** How every job ended, by key; those that are not named succeeded, and there are no others. */
  readonly jobs: string;
  readonly act?: (run: number) => Promise<void>;
  /** Of each pair, the first ended before the second started. Here and below `a|b` is one of these, whichever. */
  readonly order?: readonly (readonly [string, string])[];
  /** Of each pair, the first was to start, though nothing says when it does, before the second ended. */
  readonly unheeded?: readonly (readonly [string, string])[];
  /** Never two of these at once. */
  readonly apart?: readonly (readonly string[])[];
  /** Groups of jobs: all of one ended before another's first started. */
  readonly whole?: readonly (readonly string[])[];
}

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.open();
  await plane.startServer();
  await plane.register('one');
  plane.startAgent('one', ['--slots', '8']);
}, LIMIT_MS);
afterAll(() => plane.close(), LIMIT_MS);

const signal = (run: number, name: string, persistent = true): Promise<unknown> =>
  plane.request('POST', `/v1/runs/${run}/signals`, { name, persistent });

/** Resolves when the run looks so; each event of the run is a look. */
async function when(run: number, holds: (jobs: readonly JobView[]) => boolean): Promise<void> {
  const response = await plane.fetch(`/v1/runs/${run}/events?follow=run`, { signal: AbortSignal.timeout(LIMIT_MS) });
  const reader = (response.body ?? new ReadableStream()).getReader();
  try {
    for (;;) {
      const { jobs, state } = await plane.show(run);
      if (holds(jobs)) return;
      if (state === 'completed') throw new Error(`run ${run} is over: ${JSON.stringify(jobs)}`);
      await reader.read();
    }
  } finally {
    await reader.cancel();
  }
}
const whenJob = (run: number, key: string, state: JobView['state']): Promise<void> =>
  when(run, (jobs) => jobs.some((job) => job.key === key && job.state === state));

const EXPECTED: Readonly<Record<string, Expected>> = {
  '01-sequence': { jobs: 'build test publish', order: [['build', 'test'], ['test', 'publish']] }, // prettier-ignore
  '02-parallel-split': {
    jobs: 'build lint test',
    order: [['build', 'lint'], ['build', 'test']], // prettier-ignore
    unheeded: [['lint', 'test'], ['test', 'lint']], // prettier-ignore
  },
  '03-synchronization': { jobs: 'build lint test publish', order: [['lint', 'publish'], ['test', 'publish']] }, // prettier-ignore
  '04-exclusive-choice': { jobs: 'plan production staging:skipped' },
  '05-simple-merge': { jobs: 'plan staging production:skipped announce' },
  '06-multi-choice': { jobs: 'triage notify page:skipped record' },
  '07-structured-synchronizing-merge': {
    jobs: 'triage notify page:skipped record close',
    order: [['record', 'close']],
  },
  '08-multi-merge': { jobs: 'build linux macos upload upload~2', order: [['macos', 'upload~2']] },
  '09-structured-discriminator': {
    jobs: 'start fast slow use',
    order: [['fast', 'use']],
    unheeded: [['use', 'slow']],
  },
  '10-arbitrary-cycles': {
    jobs: 'implement review implement~2 review~2 implement~3 review~3 merge',
    order: [['review', 'implement~2'], ['review~3', 'merge']], // prettier-ignore
  },
  '11-implicit-termination': { jobs: 'short long' },
  '12-multiple-instances-without-synchronization': {
    jobs: 'warm.1 warm.2 warm.3 go-on',
    unheeded: [['go-on', 'warm.1'], ['go-on', 'warm.2'], ['go-on', 'warm.3']], // prettier-ignore
  },
  '13-multiple-instances-design-time': { jobs: 'shard.1 shard.2 shard.3 collect', order: [['shard.3', 'collect']] },
  '14-multiple-instances-run-time': { jobs: 'count shard.1 shard.2 shard.3 collect' },
  '15-multiple-instances-unknown': { jobs: 'crawl.1 crawl.2 crawl.3 index', order: [['crawl.3', 'index']] },
  '16-deferred-choice': {
    jobs: 'approve reject:withdrawn record',
    act: async (run) => {
      await signal(run, 'approved');
    },
  },
  '17-interleaved-parallel-routing': {
    jobs: 'order pick pack invoice send',
    order: [['pick', 'pack']],
    apart: [['pick', 'pack', 'invoice']],
  },
  '18-milestone': { jobs: 'sale visit buy buy-late:skipped', order: [['visit', 'buy']] },
  '19-cancel-activity': { run: 'cancelled', jobs: 'search:cancelled found' },
  '20-cancel-case': {
    run: 'cancelled',
    jobs: 'long:cancelled approval:cancelled after:cancelled',
    act: async (run) => {
      await whenJob(run, 'long', 'running');
      await plane.request('POST', `/v1/runs/${run}/cancel`);
    },
  },
  '21-structured-loop': {
    jobs: 'poll poll@1.look poll@2.look poll@3.look done',
    order: [['poll@1.look', 'poll@2.look']],
  },
  '22-recursion': { jobs: 'work deeper.work deeper.deeper.work deeper.deeper.deeper:skipped' },
  '23-transient-trigger': {
    jobs: 'prepare go',
    act: async (run) => {
      await when(run, (all) => all.some(({ key, waitsFor }) => key === 'go' && waitsFor?.kind === 'signal'));
      await signal(run, 'start', false);
    },
  },
  '24-persistent-trigger': { jobs: 'prepare go' },
  '25-cancel-region': { jobs: 'complaint withdraw photos:withdrawn interview:withdrawn other' },
  '26-cancel-multiple-instance-activity': {
    run: 'cancelled',
    jobs: 'shard.1 shard.2:cancelled shard.3:cancelled collect:skipped',
    act: async (run) => {
      await whenJob(run, 'shard.1', 'completed');
      await plane.request('POST', `/v1/runs/${run}/jobs/shard/cancel`);
    },
  },
  '27-complete-multiple-instance-activity': { jobs: 'shard.1 shard.2:withdrawn shard.3:withdrawn enough collect' },
  '28-blocking-discriminator': {
    jobs: 'source fast fast~2 slow slow~2 use use~2',
    order: [['slow|slow~2', 'use~2']],
    unheeded: [['use', 'slow|slow~2'], ['use~2', 'slow|slow~2']], // prettier-ignore
  },
  '29-cancelling-discriminator': { jobs: 'start fast slow:withdrawn use' },
  '30-structured-partial-join': {
    jobs: 'start review-1 review-2 review-3 merge',
    order: [['review-1', 'merge'], ['review-2', 'merge']], // prettier-ignore
    unheeded: [['merge', 'review-3']],
  },
  '31-blocking-partial-join': {
    jobs: 'source review-1 review-1~2 review-2 review-2~2 review-3 review-3~2 merge merge~2',
    order: [['review-3|review-3~2', 'merge~2']],
    unheeded: [['merge', 'review-3|review-3~2'], ['merge~2', 'review-3|review-3~2']], // prettier-ignore
  },
  '32-cancelling-partial-join': { jobs: 'start review-1 review-2 review-3:withdrawn merge' },
  '33-generalised-and-join': {
    jobs: 'doors door door~2 bodies body body~2 car car~2',
    order: [['door|door~2', 'car'], ['body|body~2', 'car'], ['body', 'car~2'], ['body~2', 'car~2']], // prettier-ignore
  },
  '34-static-partial-join': {
    jobs: 'probe.1 probe.2 probe.3 probe.4 go-on',
    order: [['probe.1', 'go-on'], ['probe.2', 'go-on']], // prettier-ignore
    unheeded: [['go-on', 'probe.3'], ['go-on', 'probe.4']], // prettier-ignore
  },
  '35-cancelling-static-partial-join': { jobs: 'probe.1 probe.2 probe.3:withdrawn probe.4:withdrawn go-on' },
  '36-dynamic-partial-join': { jobs: 'probe.1 probe.2 probe.3 go-on', order: [['probe.2', 'go-on']] },
  '37-acyclic-synchronizing-merge': {
    jobs: 'triage notify examine repair:skipped record close',
    order: [['notify', 'close'], ['record', 'close']], // prettier-ignore
  },
  '38-general-synchronizing-merge': {
    jobs: 'start quick special:skipped draft check draft~2 check~2 merge',
    order: [['check~2', 'merge']],
  },
  '39-critical-section': {
    jobs: 'start dump verify migrate seed',
    whole: [['dump', 'verify'], ['migrate', 'seed']], // prettier-ignore
  },
  '40-interleaved-routing': {
    jobs: 'arrive weigh measure vaccinate leave',
    apart: [['weigh', 'measure', 'vaccinate']],
  },
  '41-thread-merge': { jobs: 'source bundle bundle~2' },
  '42-thread-split': { jobs: 'source handle handle~2 handle~3' },
  '43-explicit-termination': { jobs: 'start long:withdrawn found' },
};

/** Every two of them. */
function pairsOf<T>(all: readonly T[]): (readonly [T, T])[] {
  return all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other] as const));
}

describe('the patterns of control flow', () => {
  it('are 43, each a file', () => {
    expect(files).toEqual(Object.keys(EXPECTED).map((name) => `${name}.yml`));
  });

  it.each(Object.keys(EXPECTED))(
    '%s',
    async (name) => {
      const {
        run: conclusion = 'success',
        jobs,
        act,
        order = [],
        unheeded = [],
        apart = [],
        whole = [],
      } = EXPECTED[name] ?? { jobs: '' };
      const text = readFileSync(new URL(`${FOLDER}/${name}.yml`, root), 'utf8');
      const path = `.github/workflows/${name}.yml`;
      const run = await plane.submit(text, {
        workflow: { path, text, files: { [`./${path}`]: text } },
        event: 'workflow_dispatch',
      });
      await act?.(run);
      const view = await plane.completed(run, LIMIT_MS);
      const ended = view.jobs.map((job) =>
        job.conclusion === 'success' ? job.key : `${job.key}:${String(job.conclusion)}`,
      );
      expect({ conclusion: view.conclusion, jobs: ended.sort() }).toEqual({ conclusion, jobs: jobs.split(' ').sort() });
      const jobsOf = (keys: string): readonly JobView[] =>
        keys.split('|').map((key) => view.jobs.find((job) => job.key === key) as JobView);
      const isBefore = (first: string, second: string): boolean =>
        jobsOf(first).some((one) =>
          jobsOf(second).every((other) => String(one.completedAt) <= String(other.startedAt)),
        );
      const isUnheeded = (first: string, second: string): boolean =>
        jobsOf(first).every((one) => jobsOf(second).some((other) => String(one.queuedAt) < String(other.completedAt)));
      const isAllBefore = (some: readonly string[], others: readonly string[]): boolean =>
        some.every((key) => others.every((other) => isBefore(key, other)));
      expect(order.filter((pair) => !isBefore(...pair))).toEqual([]);
      expect(unheeded.filter((pair) => !isUnheeded(...pair))).toEqual([]);
      const groups = [...apart.flatMap(pairsOf).map((pair) => pair.map((key) => [key])), ...pairsOf(whole)];
      expect(groups.filter(([one = [], other = []]) => !isAllBefore(one, other) && !isAllBefore(other, one))).toEqual(
        [],
      );
    },
    LIMIT_MS,
  );
});
