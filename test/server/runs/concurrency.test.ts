import { expect, it } from '@jest/globals';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { must, newRun, RunHand, submission } from './run-harness.ts';

const job = (more = ''): string => `{ runs-on: linux, steps: [ { run: echo } ]${more === '' ? '' : `, ${more}`} }`;
const ofRun = (concurrency: string, jobs = `{ a: ${job()} }`): string =>
  `on: push\nconcurrency: ${concurrency}\njobs: ${jobs}\n`;
const ofJob = (concurrency: string): string =>
  `on: push\njobs: { a: ${job(`concurrency: ${concurrency}`)}, b: ${job()} }\n`;

describeDatabases('concurrency over runs', (database) => {
  const withStore = (body: (store: TestStore) => Promise<void>) => async () => {
    const store = await openTestStore({ database });
    try {
      await body(store);
      expect(store.troubles).toEqual([]);
    } finally {
      await store.close();
    }
  };
  const members = (store: TestStore) =>
    store.db.selectFrom('group_member').select(['run_id', 'key', 'state']).orderBy('position').execute();

  it(
    'lets one run of a group go on, and the next when it has ended; the one that waits says for whom',
    withStore(async (store) => {
      const text = ofRun('deploy-${{ github.ref_name }}');
      const one = await RunHand.submit(store, text);
      const two = await RunHand.submit(store, text);
      const elsewhere = await RunHand.submit(store, text, { ref: 'refs/heads/other' });
      expect(await two.summary()).toMatchObject({
        state: 'waiting',
        waiting: `concurrency group 'deploy-main' is held by run ${one.id}`,
      });
      expect([await one.jobs(), await two.jobs(), await elsewhere.jobs()]).toEqual([
        { a: 'queued' },
        { a: 'waiting' },
        { a: 'queued' },
      ]);
      await one.end('a', 'failure');
      expect(await two.summary()).toMatchObject({ state: 'running', waiting: null });
      expect(await two.jobs()).toEqual({ a: 'queued' });
      await two.end('a');
      await elsewhere.end('a');
      expect(await members(store)).toEqual([]);
    }),
  );

  it(
    'keeps signals and cancels of jobs of a run that waits until it begins',
    withStore(async (store) => {
      const wait = (more = ''): string => job(`wait-for: { signal: go }${more}`);
      const one = await RunHand.submit(store, ofRun('g'));
      const jobs = `{ a: ${wait()}, b: ${wait()}, c: ${job()}, d: ${job('region: some')}, e: ${job()} }`;
      const two = await RunHand.submit(store, ofRun('g', jobs));
      const cancel = (target: string) => two.ask({ kind: 'cancel', target });
      expect([await two.signal('go'), await two.signal('go', { job: 'B' })]).toEqual([null, null]);
      expect([await cancel('c'), await cancel('region:some'), await cancel('c')]).toEqual([null, null, null]);
      expect([
        await two.signal('go', { transient: true }),
        await two.signal('go', { job: 'e' }),
        await two.signal('go', { job: 'nope' }),
        await cancel('nope'),
        await two.ask({ kind: 'complete', job: 'a' }),
      ]).toEqual([
        "No job waits for 'go' now.",
        "The job 'e' waits for no signal.",
        "The run has not begun, and there is no 'nope' yet.",
        "The run has not begun, and there is no 'nope' yet.",
        'The run has not begun.',
      ]);
      must(
        await store.perform((context) => {
          context.runs.drop(two.id);
          return Promise.resolve(null);
        }, null),
      );
      await one.end('a');
      const ends = { c: 'cancelled', d: 'cancelled', e: 'queued' };
      expect(await two.jobs()).toEqual({ a: 'queued', b: 'queued', ...ends });
      expect(await two.signal('go')).toBeNull();
      for (const key of ['a', 'b', 'e']) await two.end(key);
      expect(await two.conclusion()).toBe('cancelled');
    }),
  );

  it(
    'lets a newer run take the place of the one that waits, unless they queue',
    withStore(async (store) => {
      const one = await RunHand.submit(store, ofRun('g'));
      const two = await RunHand.submit(store, ofRun('g'));
      const three = await RunHand.submit(store, ofRun('g'));
      expect(await two.jobs()).toEqual({ a: 'cancelled' });
      expect((await two.view()).jobs[0]?.reason).toBe('concurrency');
      expect(await two.conclusion()).toBe('cancelled');
      const four = await RunHand.submit(store, ofRun('{ group: g, queue: max }'));
      expect(await three.summary()).toMatchObject({ state: 'waiting' });
      await one.end('a');
      expect([await three.jobs(), await four.jobs()]).toEqual([{ a: 'queued' }, { a: 'waiting' }]);
      expect((await four.summary()).waiting).toBe(`concurrency group 'g' is held by run ${three.id}`);
      await three.end('a');
      await four.end('a');
      expect(await members(store)).toEqual([]);
    }),
  );

  it(
    'cancels the holder with cancel-in-progress, and goes on when it has ended',
    withStore(async (store) => {
      const one = await RunHand.submit(store, ofRun('g', `{ a: ${job()}, b: ${job('if: always(), needs: a')} }`));
      await one.start('a');
      const two = await RunHand.submit(store, ofRun('{ group: g, cancel-in-progress: true }'));
      expect(await one.asked()).toEqual({ a: 'concurrency' });
      expect(await two.jobs()).toEqual({ a: 'waiting' });
      await one.end('a', 'cancelled');
      expect(await two.jobs()).toEqual({ a: 'waiting' });
      await one.end('b');
      expect(await one.conclusion()).toBe('cancelled');
      expect(await two.jobs()).toEqual({ a: 'queued' });
    }),
  );

  it(
    'cancels a holder of which nothing has begun at once',
    withStore(async (store) => {
      const one = await RunHand.submit(store, ofRun('g'));
      const two = await RunHand.submit(store, ofRun('{ group: g, cancel-in-progress: true }'));
      expect(await one.conclusion()).toBe('cancelled');
      expect(await two.jobs()).toEqual({ a: 'queued' });
      expect((await members(store)).map(({ run_id, state }) => [run_id, state])).toEqual([[two.id, 'holds']]);
    }),
  );

  it(
    'holds groups of jobs over the runs of a repository, and of no other',
    withStore(async (store) => {
      const one = await RunHand.submit(store, ofJob('G'));
      const two = await RunHand.submit(store, ofJob('g'));
      const other = await RunHand.submit(store, ofJob('g'), {
        repository: { name: 'octo/other', cloneUrl: null, defaultBranch: 'main' },
      });
      const none = await RunHand.submit(store, ofJob('g'), { repository: null });
      expect(await two.jobs()).toEqual({ a: 'waiting', b: 'queued' });
      expect(await two.waiting('a')).toBe(`concurrency group 'g' is held by run ${one.id}`);
      expect([await other.jobs(), await none.jobs()]).toEqual([
        { a: 'queued', b: 'queued' },
        { a: 'queued', b: 'queued' },
      ]);
      await one.end('a');
      expect(await two.jobs()).toEqual({ a: 'queued', b: 'queued' });
    }),
  );

  it(
    'loses no waiter when the one before it is cancelled while it waits',
    withStore(async (store) => {
      const queue = '{ group: g, queue: max }';
      const one = await RunHand.submit(store, ofJob(queue));
      const two = await RunHand.submit(store, ofJob(queue));
      const three = await RunHand.submit(store, ofRun(queue));
      const four = await RunHand.submit(store, ofRun(queue));
      await two.cancel();
      expect(await two.conclusion()).toBe('cancelled');
      await three.cancel();
      expect(await three.conclusion()).toBe('cancelled');
      await one.cancel();
      expect(await four.jobs()).toEqual({ a: 'queued' });
      await four.end('a');
      expect(await members(store)).toEqual([]);
    }),
  );

  it(
    'fails a job that would wait for ever for what its own run holds',
    withStore(async (store) => {
      const run = await RunHand.submit(store, ofRun('g', `{ a: ${job('concurrency: g')} }`));
      const { jobs } = await run.view();
      expect(jobs[0]).toMatchObject({ conclusion: 'failure', message: expect.stringContaining('for ever') });
      expect(await members(store)).toEqual([]);
    }),
  );

  it(
    'sees a wait in a circle of two runs, and fails the one that closes it',
    withStore(async (store) => {
      const late = job('needs: a, concurrency: h');
      const one = await RunHand.submit(store, ofRun('g', `{ a: ${job()}, b: ${late} }`));
      const two = await RunHand.submit(store, ofRun('h', `{ a: ${job()}, b: ${job('needs: a, concurrency: g')} }`));
      await one.end('a');
      expect(await one.waiting('b')).toBe(`concurrency group 'h' is held by run ${two.id}`);
      await two.end('a');
      expect(await two.conclusion()).toBe('failure');
      expect(await one.jobs()).toEqual({ a: 'success', b: 'queued' });
      await one.end('b');
      expect(await members(store)).toEqual([]);
    }),
  );

  it(
    'has one holder, whoever asks at the same time',
    withStore(async (store) => {
      const run = await newRun({ text: ofRun('{ group: g, queue: max }') });
      const made = await Promise.all(Array.from({ length: 12 }, () => store.execute('submit-run', submission([run]))));
      const hands = made.map((result) => new RunHand(store, must(result).runs[0]!.id));
      for (let left = hands.length; left > 0; left--) {
        const states = await Promise.all(hands.map((hand) => hand.summary()));
        const running = states.filter(({ state }) => state === 'running');
        expect(running).toHaveLength(1);
        expect(states.filter(({ state }) => state === 'waiting')).toHaveLength(left - 1);
        await new RunHand(store, running[0]!.id).end('a');
      }
      expect(await members(store)).toEqual([]);
    }),
  );
});
