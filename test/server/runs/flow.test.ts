/** What flow asks of a server, from workflow files to what people see. Agents are played by hand. */
import { expect, it } from '@jest/globals';
import { RUN_READS } from '../../../src/server/runs/run-operations.ts';
import { composeMessage } from '../../../src/server/runs/compose-message.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { must, RunHand } from './run-harness.ts';

const job = (more = ''): string => `{ runs-on: linux, steps: [ { run: echo } ]${more === '' ? '' : `, ${more}`} }`;
const workflow = (jobs: Readonly<Record<string, string>>, more = ''): string =>
  `on: push\n${more}jobs:\n${Object.entries(jobs)
    .map(([id, text]) => `  ${id}: ${text}\n`)
    .join('')}`;
const MINUTE = 60_000;
const RETRY = { goto: null, retry: { afterMs: null, state: { seen: 'a' } } };

/** Every job of a run that is over has its end, and nothing of it is left to happen. */
async function expectAllEnded(store: TestStore): Promise<void> {
  const over = store.db.selectFrom('run').select('id').where('state', '=', 'completed');
  const open = store.db.selectFrom('job').select(['key', 'state']).where('state', '!=', 'completed');
  expect(await open.where('run_id', 'in', over).execute()).toEqual([]);
  expect(await store.db.selectFrom('flow_timer').select('id').where('run_id', 'in', over).execute()).toEqual([]);
}

describeDatabases('a run on a server', (database) => {
  const withStore = (body: (store: TestStore, clock: FakeClock) => Promise<void>) => async () => {
    const clock = new FakeClock();
    const store = await openTestStore({ database, clock });
    try {
      await body(store, clock);
      await expectAllEnded(store);
      expect(store.troubles).toEqual([]);
    } finally {
      await store.close();
    }
  };
  const sweep = async (store: TestStore) => must(await store.execute('sweep', {}));
  const audited = async (store: TestStore) =>
    must(await store.execute('list-audit', { cursor: null, limit: 50 })).entries.map(
      ({ actor, action, detail }) => [actor, action, detail] as const,
    );

  it(
    'waits for an approval of who may, and says so; who gave it is in the audit',
    withStore(async (store) => {
      const waits = 'wait-for: { signal: approved, from: [grace, ada] }, needs: build';
      const run = await RunHand.submit(store, workflow({ build: job(), deploy: job(waits) }));
      await run.play('build');
      const why = "waiting for the signal 'approved' from grace or ada";
      expect(await run.job('deploy')).toMatchObject({
        state: 'waiting',
        waiting: why,
        waitsFor: { kind: 'signal', names: ['approved'], from: ['grace', 'ada'] },
      });
      expect(await run.events()).toContainEqual(
        expect.objectContaining({ type: 'waiting', job: 'deploy', name: 'deploy', reason: why }),
      );
      expect(await run.signal('approved', { user: 'mallory' })).toMatch(/approved/);
      expect(await run.jobs()).toMatchObject({ deploy: 'waiting' });
      expect(await run.signal('approved', { user: 'grace', data: '{"ticket":7}' })).toBeNull();
      expect(await run.job('deploy')).toMatchObject({ state: 'queued', waitsFor: null });
      const jobs = store.db.selectFrom('job').select('id').where('key', '=', 'deploy');
      const { id } = await jobs.executeTakeFirstOrThrow();
      const { message } = must(await store.perform((context) => composeMessage(context, id, 1), null));
      expect(message.contexts.flow).toMatchObject({
        signal: { name: 'approved', data: '{"ticket":7}', by: 'grace' },
      });
      await run.play('deploy');
      expect(await run.conclusion()).toBe('success');
      expect((await audited(store)).filter(([, action]) => action === 'run.signal')).toEqual([
        ['grace (token 1)', 'run.signal', { name: 'approved', job: null, persistent: true }],
      ]);
    }),
  );

  it(
    'names what waits by what it is, in loops and around jobs too',
    withStore(async (store) => {
      const loop = 'loop: { until: true, jobs: { u: { wait-for: ok }, v: { needs: u, wait-for: ok } } }';
      const around = 'before: { b: { wait-for: ok }, c: { needs: b, join: active } }';
      const run = await RunHand.submit(store, workflow({ zero: job(), L: `{ ${loop} }`, y: job(around) }));
      const { jobs } = await run.view();
      expect(Object.fromEntries(jobs.map(({ key, name, waiting }) => [key, [name, waiting]]))).toMatchObject({
        'L@1.v': ['L (1) / v', 'needs u'],
        'y@before.c': ['y / before / c', 'needs b'],
      });
      await run.cancel(true);
    }),
  );

  it(
    'says of what a pause holds that the run is paused',
    withStore(async (store) => {
      const run = await RunHand.submit(
        store,
        workflow({ a: job(), b: job('needs: a'), g: '{ needs: a, join: active }' }),
      );
      expect(await run.ask({ kind: 'pause' })).toBeNull();
      await run.play('a');
      expect([await run.waiting('b'), await run.waiting('g')]).toEqual(['the run is paused', 'the run is paused']);
      expect(await run.ask({ kind: 'resume' })).toBeNull();
      expect(await run.jobs()).toMatchObject({ b: 'queued', g: 'success' });
      await run.play('b');
    }),
  );

  it(
    'keeps a signal that comes early, takes each once, and does a request with the same id once',
    withStore(async (store) => {
      const text = workflow({
        a: job(),
        b: job('needs: a, wait-for: { signal: go }'),
        c: job('needs: a, wait-for: { signal: go }'),
      });
      const run = await RunHand.submit(store, text);
      const signal = { kind: 'signal', name: 'go', job: null, data: null, persistent: true } as const;
      for (let time = 0; time < 3; time++) expect(await run.ask(signal, { requestId: 'one' })).toBeNull();
      await run.play('a');
      expect(await run.jobs()).toMatchObject({ b: 'queued', c: 'waiting' });
      await run.signal('go');
      expect(await run.jobs()).toMatchObject({ b: 'queued', c: 'queued' });
      await run.play('b');
      await run.play('c');
      expect(await run.conclusion()).toBe('success');
      // The answer to the first may have been lost; a new one comes too late.
      expect(await run.ask(signal, { requestId: 'one' })).toBeNull();
      expect(await run.ask(signal, { requestId: 'two' })).toMatch(/has ended/);
    }),
  );

  it(
    'fails a job whose signal did not come in time, and is not told twice',
    withStore(async (store, clock) => {
      const text = workflow({ a: job('wait-for: { signal: go, timeout-minutes: 5 }'), b: job('needs: a') });
      const run = await RunHand.submit(store, text);
      await clock.advance(4 * MINUTE);
      expect(await sweep(store)).toMatchObject({ timers: 0, nextMs: MINUTE });
      await clock.advance(MINUTE);
      expect(await sweep(store)).toMatchObject({ timers: 1, nextMs: null });
      expect(await run.jobs()).toEqual({ a: 'failure', b: 'skipped' });
      expect(await run.conclusion()).toBe('failure');
      expect(await sweep(store)).toMatchObject({ timers: 0 });
    }),
  );

  it(
    'tries a job again that asks for it, after its delay, with what it carries on',
    withStore(async (store, clock) => {
      const retry = 'retry: { max-attempts: 3, backoff: { min: 2s, max: 2s, jitter: 0 } }';
      const run = await RunHand.submit(store, workflow({ build: job(retry), after: job('needs: build') }));
      await run.play('build', 'failure', {}, RETRY);
      expect(await run.jobs()).toMatchObject({ build: 'failure' });
      await clock.advance(2_000);
      await sweep(store);
      expect(await run.queue()).toEqual(['build~r2']);
      expect(await run.job('build~r2')).toMatchObject({ id: 'build', iteration: 1, state: 'queued' });
      const jobs = store.db.selectFrom('job').select('id').where('key', '=', 'build~r2');
      const { id } = await jobs.executeTakeFirstOrThrow();
      const { message } = must(await store.perform((context) => composeMessage(context, id, 1), null));
      expect(message).toMatchObject({ attempt: 2, contexts: { flow: { attempt: 2, state: { seen: 'a' } } } });
      await run.play('build~r2');
      expect(await run.job('build~r2')).toMatchObject({ attempt: 2, conclusion: 'success' });
      await run.play('after');
      expect(await run.conclusion()).toBe('success');
    }),
  );

  it(
    'ends all that waits when it is cancelled: attempts to come, signals and gates',
    withStore(async (store, clock) => {
      const text = workflow({
        build: job('retry: { max-attempts: 3 }'),
        deploy: job('wait-for: { signal: go, timeout-minutes: 5 }'),
        later: job(`start-at: '${new Date(clock.now() + MINUTE).toISOString()}'`),
        gate: '{ needs: [build, deploy], join: active }',
      });
      const run = await RunHand.submit(store, text);
      await run.play('build', 'failure', {}, RETRY);
      expect(await run.jobs()).toMatchObject({ 'build~r2': 'waiting', deploy: 'waiting', later: 'waiting' });
      await run.cancel();
      expect(await run.jobs()).toMatchObject({ 'build~r2': 'cancelled', deploy: 'cancelled', later: 'cancelled' });
      expect(await run.conclusion()).toBe('cancelled');
    }),
  );

  it(
    'goes back to a job, which has a row for each time it is begun',
    withStore(async (store) => {
      const next = `next: [ { if: "outputs.again == 'yes'", goto: plan, with: { why: more } } ]`;
      const run = await RunHand.submit(store, workflow({ plan: job(), check: job(`needs: plan, ${next}`) }));
      await run.play('plan');
      await run.play('check', 'success', { again: 'yes' });
      expect(await run.queue()).toEqual(['plan~2']);
      await run.play('plan~2');
      await run.play('check~2');
      expect(await run.conclusion()).toBe('success');
      expect((await run.view()).jobs.map(({ key, iteration }) => [key, iteration])).toEqual([
        ['plan', 1],
        ['plan~2', 2],
        ['check', 1],
        ['check~2', 2],
      ]);
      const ends = (await run.events()).flatMap((event) => (event.type === 'job-completed' ? [event.report] : []));
      expect(ends.map(({ id, iteration, attempt }) => [id, iteration, attempt])).toEqual([
        ['plan', 1, 1],
        ['check', 1, 1],
        ['plan', 2, 1],
        ['check', 2, 1],
      ]);
    }),
  );

  it(
    'shows who lost a race as withdrawn, whatever its worker says of its end',
    withStore(async (store) => {
      const text = workflow({
        fast: job('join: first, needs: [ready]'),
        one: job(),
        two: job(),
        quorum: job('needs: [one, two], join: { count: 1, late: cancel }'),
        ready: job(),
      });
      const run = await RunHand.submit(store, text);
      await run.start('one');
      await run.start('two');
      await run.end('one');
      expect(await run.asked()).toEqual({ two: 'withdrawn' });
      await run.end('two', 'cancelled', {}, 'withdrawn');
      expect(await run.job('two')).toMatchObject({ conclusion: 'withdrawn', reason: 'join' });
      const ends = (await run.events()).filter((event) => event.type === 'job-completed' && event.job === 'two');
      expect(ends).toHaveLength(1);
      await run.play('ready');
      await run.play('fast');
      await run.play('quorum');
      expect(await run.conclusion()).toBe('success');
    }),
  );

  it(
    'starts nothing while it is paused, and goes on where it was',
    withStore(async (store, clock) => {
      const text = workflow({
        a: job(),
        b: job('needs: a'),
        c: job(),
        d: job('wait-for: { signal: go, timeout-minutes: 1 }'),
      });
      const run = await RunHand.submit(store, text);
      await run.start('a');
      expect(await run.ask({ kind: 'pause' })).toBeNull();
      expect(await run.view()).toMatchObject({ paused: true, state: 'running' });
      // What waits for a runner waits on.
      const ready = store.db.selectFrom('ready').select('not_before');
      expect((await ready.executeTakeFirstOrThrow()).not_before).toBeGreaterThan(clock.now() + 1e12);
      await run.end('a');
      expect(await run.queue()).toEqual(['c']);
      await clock.advance(2 * MINUTE);
      expect(await sweep(store)).toMatchObject({ timers: 0, nextMs: null });
      expect(await run.ask({ kind: 'resume' })).toBeNull();
      expect((await run.queue()).sort()).toEqual(['b', 'c']);
      expect((await ready.execute()).every(({ not_before }) => not_before === 0)).toBe(true);
      expect(await run.jobs()).toMatchObject({ d: 'failure' });
      expect(await sweep(store)).toMatchObject({ timers: 0 });
      await run.play('b');
      await run.play('c');
      expect(await run.view()).toMatchObject({ paused: false, conclusion: 'failure' });
      const paused = (await run.events()).flatMap((event) => (event.type === 'run-paused' ? [event.paused] : []));
      expect(paused).toEqual([true, false]);
    }),
  );

  it(
    'shows a call and a matrix that waited no more when they have begun',
    withStore(async (store) => {
      const files = { '.github/workflows/w.yml': `on: workflow_call\njobs: { x: ${job()} }` };
      const text = workflow({
        call: '{ uses: ./.github/workflows/w.yml, wait-for: go }',
        many: job('wait-for: go, strategy: { matrix: { n: [1, 2] } }'),
      });
      const run = await RunHand.submit(store, { text, files });
      expect(await run.jobs()).toMatchObject({ call: 'waiting', many: 'waiting' });
      await run.signal('go');
      expect(await run.jobs()).toMatchObject({ 'call.x': 'queued', many: 'waiting' });
      expect(Object.keys(await run.jobs())).not.toContain('call');
      await run.signal('go');
      for (const key of ['call.x', 'many.1', 'many.2']) await run.play(key);
      expect(await run.jobs()).toEqual({ 'call.x': 'success', 'many.1': 'success', 'many.2': 'success' });
    }),
  );

  it(
    'shows an iteration that waits still when instances of a later one have begun',
    withStore(async (store) => {
      const files = { '.github/workflows/w.yml': `on: workflow_call\njobs: { x: ${job()} }` };
      const more = "needs: a, join: each, wait-for: 's${{ flow.iteration }}', strategy: { matrix: { n: [1] } }";
      const text = workflow({
        a: job('spawn: 2'),
        call: `{ uses: ./.github/workflows/w.yml, ${more} }`,
        many: job(more),
      });
      const run = await RunHand.submit(store, { text, files });
      await run.play('a');
      const waiting = { call: 'waiting', many: 'waiting' };
      expect(await run.jobs()).toEqual({ a: 'success', ...waiting, 'call~2': 'waiting', 'many~2': 'waiting' });
      for (const name of ['call', 'many']) await run.signal('s2', { job: name });
      expect(await run.jobs()).toEqual({ a: 'success', ...waiting, 'call.1~2.x': 'queued', 'many.1~2': 'queued' });
      for (const name of ['call', 'many']) await run.signal('s1', { job: name });
      for (const key of ['call.1~2.x', 'many.1~2', 'call.1.x', 'many.1']) await run.play(key);
      expect(await run.conclusion()).toBe('success');
    }),
  );

  it(
    'looks at timers that a resume sets when they are due',
    withStore(async (store, clock) => {
      const text = workflow({
        a: job(),
        gate: '{ needs: a, join: active }',
        d: job('needs: gate, wait-for: { signal: go, timeout-minutes: 1 }'),
      });
      const run = await RunHand.submit(store, text);
      await run.start('a');
      await run.ask({ kind: 'pause' });
      await run.end('a');
      expect(await run.ask({ kind: 'resume' })).toBeNull();
      expect(await run.jobs()).toMatchObject({ gate: 'success', d: 'waiting' });
      expect(await sweep(store)).toMatchObject({ timers: 0, nextMs: MINUTE });
      await clock.advance(MINUTE);
      expect(await sweep(store)).toMatchObject({ timers: 1 });
      expect(await run.jobs()).toMatchObject({ d: 'failure' });
    }),
  );

  it(
    'takes more instances, completes a job, and cancels a job or a region of it',
    withStore(async (store) => {
      const text = workflow({
        probes: job('strategy: { dynamic: true, instances: 1 }'),
        evidence: job('region: evidence'),
        more: job('region: evidence'),
        alone: job(),
      });
      const run = await RunHand.submit(store, text);
      expect(await run.ask({ kind: 'add-instances', job: 'alone', items: [{}] })).toMatch(/alone/);
      expect(await run.ask({ kind: 'add-instances', job: 'nobody', items: [{}] })).toMatch(/nobody/);
      expect(await run.ask({ kind: 'add-instances', job: 'probes', items: [{ host: 'a' }, { host: 'b' }] })).toBeNull();
      expect(await run.job('probes.3')).toMatchObject({ instance: 3, state: 'queued', matrix: { host: 'b' } });
      await run.play('probes.1');
      expect(await run.ask({ kind: 'complete', job: 'probes' })).toBeNull();
      expect(await run.jobs()).toMatchObject({ 'probes.2': 'withdrawn', 'probes.3': 'withdrawn' });
      expect(await run.ask({ kind: 'cancel', target: 'region:evidence' })).toBeNull();
      expect(await run.jobs()).toMatchObject({ evidence: 'cancelled', more: 'cancelled', alone: 'queued' });
      expect(await run.ask({ kind: 'cancel', target: 'alone' })).toBeNull();
      expect(await run.conclusion()).toBe('cancelled');
      expect((await audited(store)).map(([, action]) => action).filter((action) => action !== 'run.submit')).toEqual([
        'run.cancel',
        'run.cancel',
        'run.complete',
        'run.add-instances',
      ]);
    }),
  );

  it(
    'shares a group with as many as it says',
    withStore(async (store) => {
      const text = workflow({ a: job() }, 'concurrency: { group: g, limit: 2, queue: max }\n');
      const runs: RunHand[] = [];
      for (let n = 0; n < 4; n++) runs.push(await RunHand.submit(store, text));
      const states = async () => Promise.all(runs.map(async (run) => (await run.summary()).state));
      expect(await states()).toEqual(['running', 'running', 'waiting', 'waiting']);
      expect((await runs[2]!.summary()).waiting).toBe(
        `concurrency group 'g' is held by runs ${runs[0]!.id}, ${runs[1]!.id}`,
      );
      await runs[1]!.play('a');
      expect(await states()).toEqual(['running', 'completed', 'running', 'waiting']);
      for (const index of [0, 2, 3]) await runs[index]!.play('a');
      expect(await states()).toEqual(Array.from({ length: 4 }, () => 'completed'));
    }),
  );

  it(
    'runs what failed again, with what was cancelled or withdrawn because of it',
    withStore(async (store) => {
      const text = workflow(
        { ok: job(), bad: job('needs: ok'), slow: job(), late: job('needs: [bad, slow]') },
        'fail-fast: true\n',
      );
      const run = await RunHand.submit(store, text);
      await run.play('ok');
      await run.start('slow');
      await run.play('bad', 'failure');
      await run.end('slow', 'cancelled');
      expect(await run.conclusion()).toBe('failure');
      await run.rerun('failed');
      expect(await run.jobs()).toMatchObject({ ok: 'success', bad: 'queued', slow: 'queued' });
      await run.play('bad');
      await run.play('slow');
      await run.play('late');
      expect(await run.conclusion()).toBe('success');
    }),
  );

  it(
    'keeps of a job that was tried again what its last attempt came to',
    withStore(async (store, clock) => {
      const retry = 'retry: { max-attempts: 3, backoff: { min: 1s, max: 1s, jitter: 0 } }';
      const text = workflow({ build: job(retry), bad: job('needs: build') });
      const run = await RunHand.submit(store, text);
      await run.play('build', 'failure', {}, RETRY);
      await clock.advance(1_000);
      await sweep(store);
      await run.play('build~r2', 'success', { image: 'x' });
      await run.play('bad', 'failure');
      await run.rerun('failed');
      expect(await run.job('build')).toMatchObject({ conclusion: 'success', outputs: { image: 'x' } });
      expect(await run.queue()).toEqual(['bad']);
    }),
  );

  it(
    'goes on after a crash between any two commits, with its timers, waits and signals',
    withStore(async (store, clock) => {
      const text = workflow({
        a: job('retry: { max-attempts: 2, backoff: { min: 1s, max: 1s, jitter: 0 } }'),
        b: job('needs: a, wait-for: { signal: go }'),
        c: job('needs: b, race: r'),
        d: job('needs: b, race: r'),
      });
      const run = await RunHand.submit(store, text);
      const crash = async () =>
        must(
          await store.perform((context) => {
            context.runs.drop(run.id);
            return Promise.resolve(null);
          }, null),
        );
      await crash();
      await run.signal('go');
      await crash();
      await run.play('a', 'failure', {}, RETRY);
      await crash();
      await clock.advance(1_000);
      await sweep(store);
      await crash();
      await run.play('a~r2');
      await crash();
      await run.play('b');
      await crash();
      const { c, d } = await run.jobs();
      expect([c, d].sort()).toEqual(['queued', 'withdrawn']);
      await run.play(c === 'queued' ? 'c' : 'd');
      expect(await run.conclusion()).toBe('success');
    }),
  );
});

it('asking a run is no read', () => {
  expect(RUN_READS as readonly string[]).not.toContain('ask-run');
});
