import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FlowInput } from '../../../src/flow/flow-input.ts';
import type { OperationContext } from '../../../src/server/operation.ts';
import { readRun } from '../../../src/server/runs/run-row.ts';
import { EVENTS_PER_SNAPSHOT, stateOf, writeSnapshot } from '../../../src/server/runs/run-state.ts';
import { type Happening, runs, steps } from '../../flow/random-runs.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { must, RunHand, submission } from './run-harness.ts';

let store: TestStore;
beforeEach(async () => {
  store = await openTestStore({ database: 'sqlite' });
});
afterEach(() => store.close());

/** More than any of these runs can take. */
const ENOUGH = 500;
const RUNS = 120;

/** Runs of a repository of their own: nothing of the others is in their way. */
async function submit(input: FlowInput, repository: string): Promise<RunHand> {
  const { workflows, calls } = input;
  const run = { path: 'test.yml', workflows, calls, inputs: {}, diagnostics: [] };
  const made = await store.execute(
    'submit-run',
    submission([run], { repository: { name: repository, cloneUrl: null, defaultBranch: 'main' } }),
  );
  return new RunHand(store, must(made).runs[0]!.id);
}

/** What is left of a server that was killed: what is in the database. */
async function kill(context: OperationContext, run: number): Promise<null> {
  context.runs.drop(run);
  return Promise.resolve(null);
}

async function snapshot(context: OperationContext, id: number): Promise<null> {
  const run = await readRun(context, id);
  if (run !== null && run.state !== 'completed')
    await writeSnapshot(context, id, run.version, await stateOf(context, run));
  return null;
}

async function flowState(context: OperationContext, id: number): Promise<unknown> {
  const run = await readRun(context, id);
  if (run === null) return null;
  const state = await stateOf(context, run);
  // Its input names the run.
  return { ...state, input: null };
}

async function step(hand: RunHand, { pick, conclusion, cancel }: Happening): Promise<void> {
  const { jobs } = await hand.view();
  const open = jobs.filter(({ state }) => state === 'queued' || state === 'running');
  const job = open[pick % Math.max(open.length, 1)];
  if (cancel !== 'no') await hand.cancel(cancel === 'force');
  else if (job?.state === 'queued' && pick % 3 === 0) await hand.start(job.key);
  else if (job) await hand.end(job.key, conclusion);
  else expect('nothing to do, and not over').toBe('');
}

async function outcome(hand: RunHand) {
  const { conclusion, jobs } = await hand.view();
  const events = (await hand.events()).map((event) => JSON.stringify(event));
  return {
    conclusion,
    jobs: jobs.map(({ key, conclusion: how, reason, message, needs }) => ({ key, how, reason, message, needs })),
    // The ids of the runs differ.
    events: events.map((text) => text.replaceAll(/run \d+/g, 'run')),
  };
}

describe('a server that is killed between any two operations', () => {
  it('goes on as one that was not, from snapshots or from the start', async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        runs,
        steps,
        fc.array(fc.boolean(), { minLength: 5, maxLength: 9 }),
        async (input, script, snapshots) => {
          count += 1;
          const kept = await submit(input, `kept/r${count}`);
          const killed = await submit(input, `killed/r${count}`);
          for (let n = 0; (await kept.summary()).state !== 'completed'; n++) {
            expect(n).toBeLessThan(ENOUGH);
            const happening = script[n % script.length]!;
            await step(kept, happening);
            if (snapshots[n % snapshots.length] === true) must(await store.perform(snapshot, killed.id));
            must(await store.perform(kill, killed.id));
            await step(killed, happening);
            must(await store.perform(kill, killed.id));
            expect(await store.perform(flowState, killed.id)).toEqual(await store.perform(flowState, kept.id));
          }
          expect(await outcome(killed)).toEqual(await outcome(kept));
          expect(await store.db.selectFrom('group_member').select('key').execute()).toEqual([]);
          expect(await store.db.selectFrom('ready').select('job_id').execute()).toEqual([]);
          expect(store.troubles).toEqual([]);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('reads a snapshot and what came after it, not everything that ever happened', async () => {
    const n = Array.from({ length: 60 }, (_, index) => index);
    const matrix = `strategy: { fail-fast: false, matrix: { n: [${n.join(', ')}] } }, concurrency: "g-\${{ matrix.n }}"`;
    const text = `on: push\njobs: { a: { runs-on: x, ${matrix}, steps: [ { run: echo } ] } }`;
    const run = await RunHand.submit(store, text);
    // Sixty groups were granted, and fifty-nine jobs have ended.
    for (const index of n.slice(1)) await run.end(`a.${index + 1}`);
    const { version } = await store.db.selectFrom('run_snapshot').select('version').executeTakeFirstOrThrow();
    expect(version).toBe(EVENTS_PER_SNAPSHOT);
    await store.db.deleteFrom('run_event').where('seq', '<=', version).execute();
    must(await store.perform(kill, run.id));
    await run.end('a.1');
    expect(await run.conclusion()).toBe('success');
  });
});
