import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { must, newRun, RunHand, submission } from './run-harness.ts';

let store: TestStore;
beforeEach(async () => {
  store = await openTestStore({ database: 'sqlite' });
});
afterEach(() => store.close());

const job = (more = ''): string => `{ runs-on: linux, steps: [ { run: echo } ]${more === '' ? '' : `, ${more}`} }`;
const workflow = (jobs: Readonly<Record<string, string>>, more = ''): string =>
  `on: push\n${more}\njobs:\n${Object.entries(jobs)
    .map(([id, body]) => `  ${id}: ${body}`)
    .join('\n')}\n`;

describe('a run', () => {
  it('starts a job when all it needs is over, and ends with the last one', async () => {
    const run = await RunHand.submit(store, workflow({ a: job(), b: job('needs: a'), c: job('needs: [a, b]') }));
    expect(await run.jobs()).toEqual({ a: 'queued', b: 'waiting', c: 'waiting' });
    expect(await run.waiting('c')).toBe('needs a, b');
    await run.start('a');
    expect(await run.jobs()).toEqual({ a: 'running', b: 'waiting', c: 'waiting' });
    await run.end('a');
    expect(await run.queue()).toEqual(['b']);
    await run.end('b');
    await run.end('c');
    expect(await run.summary()).toMatchObject({ state: 'completed', conclusion: 'success' });
    expect((await run.events()).map((event) => event.type)).toEqual([
      ...['run-started', 'job-queued', 'job-started', 'job-completed', 'job-queued', 'job-completed'],
      ...['job-queued', 'job-completed', 'run-completed'],
    ]);
  });

  it('hands outputs on, and skips what its condition refuses', async () => {
    const text = workflow({
      a: job('outputs: { v: x }'),
      b: job("needs: a, if: needs.a.outputs.v == '1'"),
      c: job("needs: a, if: needs.a.outputs.v == '2'"),
    });
    const run = await RunHand.submit(store, text);
    await run.end('a', 'success', { v: '1' });
    expect(await run.jobs()).toEqual({ a: 'success', b: 'queued', c: 'skipped' });
    await run.end('b');
    expect(await run.conclusion()).toBe('success');
  });

  it('expands a matrix as far as max-parallel goes, and fails fast', async () => {
    const strategy = 'strategy: { max-parallel: 2, matrix: { n: [1, 2, 3, 4] } }';
    const run = await RunHand.submit(store, workflow({ a: job(strategy) }));
    expect(await run.queue()).toEqual(['a.1', 'a.2']);
    expect(await run.waiting('a.3')).toBe('max-parallel allows 2 at a time');
    await run.end('a.1');
    expect(await run.queue()).toEqual(['a.2', 'a.3']);
    await run.start('a.3');
    await run.end('a.2', 'failure');
    expect(await run.jobs()).toEqual({ 'a.1': 'success', 'a.2': 'failure', 'a.3': 'running', 'a.4': 'cancelled' });
    expect(await run.asked()).toEqual({ 'a.3': 'fail-fast' });
    await run.end('a.3', 'cancelled', {}, 'fail-fast');
    expect(await run.conclusion()).toBe('failure');
  });

  it('takes the failure of a job with continue-on-error for a success that says so', async () => {
    const run = await RunHand.submit(store, workflow({ a: job('continue-on-error: true'), b: job('needs: a') }));
    await run.end('a', 'failure');
    const { jobs } = await run.view();
    expect(jobs[0]).toMatchObject({ conclusion: 'success', reason: 'failure-ignored' });
    expect(jobs[1]).toMatchObject({ state: 'queued' });
  });

  it('calls workflows, whose jobs have the keys of their callers', async () => {
    const files = { '.github/workflows/w.yml': `on: workflow_call\njobs: { x: ${job()}, y: ${job('needs: x')} }` };
    const text = workflow({ call: '{ uses: ./.github/workflows/w.yml }', after: job('needs: call') });
    const run = await RunHand.submit(store, { text, files });
    await run.end('call.x');
    expect(await run.jobs()).toEqual({ 'call.x': 'success', 'call.y': 'queued', after: 'waiting' });
    await run.end('call.y');
    await run.end('after');
    expect(await run.conclusion()).toBe('success');
  });

  it('is cancelled: what waits never starts, what runs is asked to end, and always() still runs', async () => {
    const text = workflow({ a: job(), b: job(), c: job('needs: a'), d: job('needs: a, if: always()') });
    const run = await RunHand.submit(store, text);
    await run.start('a');
    expect(await run.cancel()).toMatchObject({ state: 'running', cancelling: true });
    expect(await run.asked()).toEqual({ a: 'user' });
    expect(await run.jobs()).toEqual({ a: 'running', b: 'cancelled', c: 'waiting', d: 'waiting' });
    await run.end('a', 'cancelled', {}, 'cancelled-by-user');
    expect(await run.jobs()).toEqual({ a: 'cancelled', b: 'cancelled', c: 'cancelled', d: 'queued' });
    await run.end('d');
    expect(await run.summary()).toMatchObject({ conclusion: 'cancelled', cancelling: false });
    const again = await store.execute('cancel-run', { run: run.id, force: false, actor: 'ada' });
    expect(again).toMatchObject({ ok: false, error: { code: 'conflict', reason: 'already-final' } });
  });

  it('is cancelled by force: no condition spares a job', async () => {
    const run = await RunHand.submit(store, workflow({ a: job(), d: job('needs: a, if: always()') }));
    await run.start('a');
    await run.cancel();
    await run.cancel(true);
    const { cancel_force } = await store.db.selectFrom('attempt').select('cancel_force').executeTakeFirstOrThrow();
    expect(cancel_force).toBe(1);
    await run.end('a', 'cancelled');
    expect(await run.jobs()).toEqual({ a: 'cancelled', d: 'cancelled' });
    expect(await run.conclusion()).toBe('cancelled');
  });

  it('of nothing but jobs that do not run ends at once', async () => {
    const run = await RunHand.submit(store, workflow({ a: job('if: false') }));
    expect(await run.summary()).toMatchObject({ state: 'completed', conclusion: 'success' });
  });

  it('is one with the first submission of the same key', async () => {
    const runs = [await newRun({ text: workflow({ a: job() }) }), await newRun({ text: workflow({ b: job() }) })];
    const first = must(await store.execute('submit-run', submission(runs, { dedupeKey: 'k' })));
    const second = must(await store.execute('submit-run', submission(runs, { dedupeKey: 'k' })));
    expect(first.runs).toHaveLength(2);
    expect(second).toEqual(first);
    const key = { repository: 'octo/app', dedupeKey: 'k' };
    expect(must(await store.execute('find-submission', key))).toEqual(first);
    const other = { ...submission(runs).repository!, name: 'octo/other' };
    const third = must(await store.execute('submit-run', submission(runs, { dedupeKey: 'k', repository: other })));
    expect(third.runs.map(({ id }) => id)).toEqual([3, 4]);
  });

  it('of too many jobs is refused with a sentence, and leaves nothing behind', async () => {
    const small = await openTestStore({ database: 'sqlite', settings: { maxJobs: 3 } });
    const run = await newRun({ text: workflow({ a: job('strategy: { matrix: { n: [1, 2, 3, 4] } }') }) });
    const refused = await small.execute('submit-run', submission([run]));
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'invalid', reason: 'too-large', message: expect.stringContaining('4 jobs; at most 3') },
    });
    expect(await small.db.selectFrom('run').select('id').execute()).toEqual([]);
    expect(await small.db.selectFrom('spec').select('sha256').execute()).toEqual([]);
    await small.close();
  });

  it('counts up for its workflow, and has the numbers in its context', async () => {
    const text = workflow({ a: job("if: github.run_number == '2'") });
    await RunHand.submit(store, text);
    const second = await RunHand.submit(store, text);
    const other = await RunHand.submit(store, { text, path: '.github/workflows/other.yml' });
    expect([await second.jobs(), await other.jobs()]).toEqual([{ a: 'queued' }, { a: 'skipped' }]);
  });
});

describe('a thousand jobs', () => {
  it('are queued, cancelled and over in seconds', async () => {
    const n = Array.from({ length: 250 }, (_, index) => index);
    const matrix = `strategy: { fail-fast: false, matrix: { n: [${n.join(', ')}] } }`;
    const text = workflow({ a: job(matrix), b: job(matrix), c: job(matrix), d: job(matrix) });
    const run = await RunHand.submit(store, text);
    expect(await run.queue()).toHaveLength(1_000);
    for (const index of n) await run.end(`a.${index + 1}`, 'success', { v: String(index) });
    await run.cancel();
    expect(await run.conclusion()).toBe('cancelled');
  });
});
