import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { RunHand } from './run-harness.ts';

let store: TestStore;
beforeEach(async () => {
  store = await openTestStore({ database: 'sqlite' });
});
afterEach(() => store.close());

const job = (more = ''): string => `{ runs-on: linux, steps: [ { run: echo } ]${more === '' ? '' : `, ${more}`} }`;
const workflow = (jobs: Readonly<Record<string, string>>): string =>
  `on: push\njobs:\n${Object.entries(jobs)
    .map(([id, body]) => `  ${id}: ${body}`)
    .join('\n')}\n`;
const PIPELINE = workflow({
  build: job('outputs: { v: x }'),
  test: job('needs: build, strategy: { fail-fast: false, matrix: { n: [1, 2] } }'),
  lint: job(),
  deploy: job("needs: [test, lint], if: needs.build.outputs.v == ''"),
  clean: job('needs: test, if: always()'),
});

function pick(of: Readonly<Record<string, string | null>>, names: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(names.map((name) => [name, of[name] ?? null]));
}

async function failedPipeline(): Promise<RunHand> {
  const run = await RunHand.submit(store, PIPELINE);
  await run.end('lint');
  await run.end('build', 'success', { v: '7' });
  await run.end('test.1');
  await run.end('test.2', 'failure');
  await run.end('clean');
  expect(await run.conclusion()).toBe('failure');
  return run;
}

describe('a re-run of what failed', () => {
  it('runs the failed jobs and all that depends on them; the others keep results, outputs and logs', async () => {
    const run = await failedPipeline();
    const before = await run.view();
    expect(await run.rerun('failed')).toMatchObject({ state: 'running', attempt: 2, conclusion: null });
    expect(await run.jobs()).toEqual({
      ...{ build: 'success', 'test.1': 'success', 'test.2': 'queued', lint: 'success' },
      ...{ deploy: 'waiting', clean: 'waiting' },
    });
    const build = (jobs: typeof before.jobs) => jobs.find(({ key }) => key === 'build');
    expect(build((await run.view()).jobs)).toEqual(build(before.jobs));
    await run.end('test.2');
    expect(await run.jobs()).toMatchObject({ deploy: 'queued', clean: 'queued' });
    await run.end('deploy');
    await run.end('clean');
    expect(await run.conclusion()).toBe('success');
  });

  it('leaves the attempt before as it was', async () => {
    const run = await failedPipeline();
    const before = await run.view();
    await run.rerun('failed');
    await run.end('test.2');
    expect((await run.view(1)).jobs).toEqual(before.jobs);
    expect((await store.execute('show-run', { run: run.id, attempt: 3 })).ok).toBe(false);
  });

  it('has logs of its own attempt, and those of the one before for what it kept', async () => {
    const run = await failedPipeline();
    const logsOf = async (attempt: number | null, job: string | null = null, tryNo: number | null = null) => {
      const found = await store.execute('find-logs', { run: run.id, job, attempt, try: tryNo });
      if (!found.ok) throw new Error(found.error.message);
      return Object.fromEntries(found.value.jobs.map((logs) => [logs.job, logs.attempt]));
    };
    const first = await logsOf(null);
    await run.rerun('failed');
    const second = await logsOf(null);
    expect(second).toEqual({ ...pick(first, ['build', 'test.1', 'lint']), 'test.2': expect.any(String) });
    expect(second['test.2']).not.toBe(first['test.2']);
    expect(await logsOf(1)).toEqual(first);
    expect(await logsOf(2, 'build', 1)).toEqual({ build: first.build });
    await expect(logsOf(2, 'clean')).rejects.toThrow(/no job clean, or it has not started/);
    await run.end('test.2');
    await run.end('deploy');
    await run.end('clean');
    await run.rerun('all');
    // What has not started in this attempt is not the same of an earlier one.
    expect(Object.keys(await logsOf(null)).sort()).toEqual(['build', 'lint']);
  });

  it('leaves nothing behind of what the attempt before was submitted with', async () => {
    const run = await failedPipeline();
    const count = async () => (await store.db.selectFrom('spec').select('sha256').execute()).length;
    const before = await count();
    for (let attempt = 0; attempt < 3; attempt++) {
      await run.rerun('failed');
      await run.end('test.2', 'failure');
      await run.end('clean');
    }
    expect(await count()).toBe(before);
    const again = await RunHand.submit(store, PIPELINE);
    await again.rerun('all').catch(() => undefined);
    expect((await run.view()).conclusion).toBe('failure');
  });

  it('can be made again and again', async () => {
    const run = await failedPipeline();
    await run.rerun('failed');
    await run.end('test.2', 'failure');
    await run.end('clean');
    await run.rerun('failed');
    expect(await run.jobs()).toMatchObject({ build: 'success', 'test.1': 'success', 'test.2': 'queued' });
    await run.end('test.2');
    await run.end('deploy');
    await run.end('clean');
    expect(await run.summary()).toMatchObject({ conclusion: 'success', attempt: 3 });
  });

  it('runs the failed jobs of a called workflow, and those after the call', async () => {
    const files = {
      '.github/workflows/w.yml': `on: workflow_call\njobs: { x: ${job()}, y: ${job('needs: x')}, z: ${job()} }`,
    };
    const text = workflow({
      call: '{ uses: ./.github/workflows/w.yml }',
      after: job('needs: call, if: always()'),
      other: '{ uses: ./.github/workflows/w.yml, needs: after }',
    });
    const run = await RunHand.submit(store, { text, files });
    await run.end('call.x');
    await run.end('call.z');
    await run.end('call.y', 'failure');
    await run.end('after');
    expect(await run.conclusion()).toBe('failure');
    await run.rerun('failed');
    expect(await run.jobs()).toEqual({
      ...{ 'call.x': 'success', 'call.z': 'success', 'call.y': 'queued', after: 'waiting', other: 'waiting' },
    });
  });

  it('is refused where nothing failed, and while the run goes on', async () => {
    const run = await RunHand.submit(store, workflow({ a: job() }));
    const ask = () => store.execute('rerun', { run: run.id, what: 'failed', actor: 'ada' });
    expect(await ask()).toMatchObject({
      ok: false,
      error: { code: 'conflict', message: expect.stringContaining('not ended') },
    });
    await run.end('a');
    expect(await ask()).toMatchObject({
      ok: false,
      error: { code: 'conflict', message: expect.stringContaining('no job') },
    });
  });

  it('runs a job again whose step went on elsewhere, so that it may do so again', async () => {
    const text = workflow({ a: job(), b: job('needs: a'), c: job('needs: b'), z: job() });
    const run = await RunHand.submit(store, text);
    const onToC = { goto: { target: 'c', with: {} }, retry: null };
    await run.end('a', 'success', {}, null, onToC);
    await run.end('c');
    await run.end('z', 'failure');
    expect(await run.jobs()).toEqual({ a: 'success', b: 'skipped', c: 'success', z: 'failure' });
    await run.rerun('failed');
    expect(await run.jobs()).toEqual({ a: 'queued', b: 'waiting', c: 'waiting', z: 'queued' });
    await run.end('a', 'success', {}, null, onToC);
    expect(await run.jobs()).toEqual({ a: 'success', b: 'skipped', c: 'queued', z: 'queued' });
  });

  it('takes cancelled jobs for failed ones', async () => {
    const run = await RunHand.submit(store, workflow({ a: job(), b: job('needs: a') }));
    await run.end('a');
    await run.cancel();
    expect(await run.conclusion()).toBe('cancelled');
    await run.rerun('failed');
    expect(await run.jobs()).toEqual({ a: 'success', b: 'queued' });
  });
});

describe('a re-run of all', () => {
  it('of a pull request of a fork is not trusted, whatever its row said', async () => {
    const head = { repo: { full_name: 'mallory/app' } };
    const pull = { event: 'pull_request', payload: { pull_request: { head } } };
    const untrusted = async (run: RunHand) =>
      (await store.db.selectFrom('run').select('untrusted').where('id', '=', run.id).executeTakeFirst())?.untrusted;
    const forked = await RunHand.submit(store, workflow({ a: job() }), pull);
    const own = await RunHand.submit(store, workflow({ a: job() }));
    // As the row of a run of before there was the column is.
    await store.db.updateTable('run').set({ untrusted: 0 }).where('id', '=', forked.id).execute();
    for (const run of [forked, own]) {
      await run.end('a', 'failure');
      await run.rerun('all');
    }
    expect([await untrusted(forked), await untrusted(own)]).toEqual([1, 0]);
    expect((await forked.job('a')).waiting).toMatch(/^its run is of a fork/);
  });

  it('runs every job again, with the next attempt in its context', async () => {
    const text = workflow({ a: job(), b: job("needs: a, if: github.run_attempt == '2'") });
    const run = await RunHand.submit(store, text);
    await run.end('a');
    expect(await run.jobs()).toEqual({ a: 'success', b: 'skipped' });
    await run.rerun('all');
    expect(await run.jobs()).toEqual({ a: 'queued', b: 'waiting' });
    await run.end('a');
    await run.end('b');
    expect(await run.summary()).toMatchObject({ conclusion: 'success', attempt: 2 });
    const started = (await run.events()).filter(({ type }) => type === 'run-started');
    expect(started).toMatchObject([{ jobs: [{ id: 'a' }, { id: 'b' }] }, { attempt: 2 }]);
  });

  it('waits for its group like the run of the first time', async () => {
    const text = `concurrency: g\n${workflow({ a: job() })}`;
    const one = await RunHand.submit(store, text);
    await one.end('a');
    const two = await RunHand.submit(store, text);
    expect(await one.rerun('all')).toMatchObject({ state: 'waiting' });
    await two.end('a');
    expect(await one.jobs()).toEqual({ a: 'queued' });
  });

  it('sees the variables of now', async () => {
    const set = (value: string) => store.execute('set-variable', { actor: 'ada', scope: '', name: 'GO', value });
    await set('no');
    const run = await RunHand.submit(store, workflow({ a: job("if: vars.GO == 'yes'") }));
    expect(await run.jobs()).toEqual({ a: 'skipped' });
    await set('yes');
    await run.rerun('all');
    expect(await run.jobs()).toEqual({ a: 'queued' });
  });
});
