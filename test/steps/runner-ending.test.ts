/** Scenarios 84 to 95 with steps played by the test: the drain, post steps, job cancellation, kill. */
import { describe, expect, it } from '@jest/globals';
import { bg, BARRIER, cancel, fg, FakeJob, GRACE_MS, wait, waitAll } from '../support/fake-job.ts';

const names = (job: FakeJob): string[] => job.reports.map(({ name }) => name);

describe('the implicit barrier', () => {
  it('84: it is a visible step that waits', async () => {
    const job = new FakeJob([bg('a', 'hold')]);
    const { ended } = await job.start();
    expect(job.step(BARRIER)).toMatchObject({ number: 2, id: null, kind: 'wait-all', phase: 'main', targets: ['a'] });
    expect(job.step(BARRIER).conclusion).toBeNull();
    await job.finish('a');
    await ended;
    expect(job.step(BARRIER).conclusion).toBe('success');
  });

  it('86: it lists the uncovered steps only', async () => {
    const job = new FakeJob([bg('a'), bg('b'), wait('w', ['a'])]);
    await job.run();
    expect(job.step(BARRIER).targets).toEqual(['b']);
  });

  it.each([
    ['87: a wait and a cancel cover', [bg('a'), bg('b', 'hold'), wait('w', ['a']), cancel('c', 'b')]],
    ['a wait-all behind it covers', [bg('a'), bg('b'), waitAll('w')]],
    ['a wait that spells the id in another case covers', [bg('a'), wait('w', ['A'])]],
    ['a job without background steps has none to cover', [fg('a')]],
  ])('%s: there is none', async (_, steps) => {
    const job = new FakeJob(steps);
    await job.run();
    expect(names(job)).not.toContain(BARRIER);
    expect(job.state.status).toBe('success');
  });

  it('88: a background step after a wait-all brings it back', async () => {
    const job = new FakeJob([bg('a'), waitAll('w'), bg('b', 'hold')]);
    const { ended } = await job.start();
    expect(job.step('w').targets).toEqual(['a']);
    expect(job.step(BARRIER).targets).toEqual(['b']);
    expect(job.step(BARRIER).conclusion).toBeNull();
    await job.finish('b');
    await ended;
  });

  it('coverage does not look at conditions', async () => {
    const job = new FakeJob([bg('a', '', { if: 'false' })]);
    await job.run();
    expect(job.step(BARRIER)).toMatchObject({ conclusion: 'success', targets: ['a'] });
  });

  it('89: every post step starts after every background step ended, in reverse order of declaration', async () => {
    const steps = [fg('a'), bg('b', 'hold'), bg('c', 'hold')];
    const job = new FakeJob(steps, {
      postStages: (self) => [self.post(steps[2]!), self.post(steps[0]!), self.post(steps[1]!)],
    });
    const { ended } = await job.start();
    await job.finish('c');
    expect(job.history).not.toContain('+post-a');
    await job.finish('b');
    await ended;
    expect(job.history.slice(-6)).toEqual(['+post-c', '-post-c', '+post-b', '-post-b', '+post-a', '-post-a']);
    expect(job.reports.map(({ number, kind }) => [number, kind]).slice(-4)).toEqual([
      [4, 'wait-all'],
      [5, 'post'],
      [6, 'post'],
      [7, 'post'],
    ]);
  });

  it('121: stages that one step registered run in reverse order of registration', async () => {
    const a = fg('a');
    const job = new FakeJob([a], {
      postStages: (self) => [
        { ...self.post(a, 'always()', 'echo first'), displayName: 'Post first' },
        { ...self.post(a, 'always()', 'echo second'), displayName: 'Post second' },
      ],
    });
    await job.run();
    expect(names(job).slice(1)).toEqual(['Post second', 'Post first']);
  });
});

describe('cancelling the job', () => {
  it('91: all that runs is asked at the same time; waits, always() steps and post steps still run', async () => {
    const f = fg('f', 'hold');
    const job = new FakeJob(
      [
        ...[bg('a', 'stubborn'), bg('b', 'stubborn'), f, wait('w', ['a', 'b'])],
        ...[fg('default'), fg('always', '', { if: 'always()' }), fg('cancelled', '', { if: 'cancelled()' })],
        ...[fg('failed', '', { if: 'failure()' }), fg('status', '', { if: "always() && job.status == 'cancelled'" })],
      ],
      { postStages: (self) => [self.post(f)] },
    );
    const { ended } = await job.start();
    const scopes = ['a', 'b', 'f'].map((id) => job.scope(id));
    job.cancel.cancel('user');
    await job.clock.advance(0);
    expect(scopes.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
    expect(job.step('f')).toMatchObject({ conclusion: 'cancelled', reason: 'job-cancelled' });
    expect(job.step('w').startedAt).not.toBeNull();
    await job.clock.advance(GRACE_MS);
    await ended;
    expect(job.step('a').conclusion).toBe('cancelled');
    expect(job.step('w')).toMatchObject({ conclusion: 'cancelled', reason: 'stop-timed-out' });
    const conclusions = ['default', 'always', 'cancelled', 'failed', 'status'].map((id) => job.step(id).conclusion);
    expect(conclusions).toEqual(['skipped', 'success', 'success', 'skipped', 'success']);
    expect(job.step('Post f').conclusion).toBe('success');
    expect(job.state.status).toBe('cancelled');
  });

  it('92: a job that sits in a wait ends when the targets have ended', async () => {
    const job = new FakeJob([bg('a', 'hold'), wait('w', ['a'])]);
    const { ended } = await job.start();
    job.cancel.cancel('user');
    await ended;
    expect(job.step('w')).toMatchObject({ conclusion: 'cancelled', reason: 'job-cancelled' });
    expect(job.state.status).toBe('cancelled');
  });

  it('a running foreground step whose condition still holds is left running', async () => {
    const job = new FakeJob([fg('a', 'hold', { if: 'always()' }), fg('b', '', { if: 'success() || cancelled()' })]);
    const { ended } = await job.start();
    job.cancel.cancel('user');
    await job.clock.advance(1_000);
    expect(job.running).toEqual(['a']);
    expect(job.scope('a').signal.aborted).toBe(false);
    expect(job.scope('a').jobStatus()).toBe('cancelled');
    await job.finish('a');
    await ended;
    expect(job.step('a').conclusion).toBe('success');
    expect(job.step('b').conclusion).toBe('success');
    expect(job.state.status).toBe('cancelled');
  });

  it('a running post step is tested again as well', async () => {
    const a = fg('a');
    const job = new FakeJob([a], {
      postStages: (self) => [
        self.post(a, 'always()', 'hold'),
        { ...self.post(a, 'success()', 'hold'), displayName: 'second' },
      ],
    });
    const { ended } = await job.start();
    expect(job.step('second').startedAt).not.toBeNull();
    job.cancel.cancel('user');
    await job.clock.advance(0);
    expect(job.step('second').conclusion).toBe('cancelled');
    await job.finish('post-a');
    await ended;
    expect(job.step('Post a').conclusion).toBe('success');
  });

  it('93: always() does not keep a background step running', async () => {
    const job = new FakeJob([bg('a', 'hold', { if: 'always()' }), wait('w', ['a'])]);
    const { ended } = await job.start();
    job.cancel.cancel('concurrency');
    await ended;
    expect(job.step('a')).toMatchObject({ conclusion: 'cancelled', reason: 'job-cancelled' });
  });

  it('94: a background step reached after it is not run: cancelled if its condition holds, else skipped', async () => {
    const job = new FakeJob([fg('f', 'hold'), bg('late', '', { if: 'always()' }), bg('default'), wait('w', ['late'])]);
    const { ended } = await job.start();
    job.cancel.cancel('user');
    await ended;
    expect(job.history).not.toContain('+late');
    expect(job.step('late')).toMatchObject({ conclusion: 'cancelled', reason: 'job-cancelled', startedAt: null });
    expect(job.step('default').conclusion).toBe('skipped');
    expect(job.state.steps.late).toMatchObject({ conclusion: 'cancelled' });
  });

  it('95: queued background steps do not start', async () => {
    const job = new FakeJob([bg('a', 'hold'), bg('b'), fg('f', 'hold')], { maxBackground: 1 });
    const { ended } = await job.start();
    job.cancel.cancel('user');
    await ended;
    expect(job.history).not.toContain('+b');
    expect(job.step('b')).toMatchObject({ conclusion: 'cancelled', reason: 'job-cancelled', startedAt: null });
  });

  it('it outranks a failure from before', async () => {
    const job = new FakeJob([fg('a', 'exit 1'), fg('b', 'hold', { if: 'always() && !cancelled()' })]);
    const { ended } = await job.start();
    job.cancel.cancel('job-timeout');
    await ended;
    expect(job.step('b').conclusion).toBe('cancelled');
    expect(job.state.status).toBe('cancelled');
  });

  it('it outranks a failure from after', async () => {
    const job = new FakeJob([fg('a', 'hold'), fg('b', 'exit 1', { if: 'always()' })]);
    const { ended } = await job.start();
    job.cancel.cancel('user');
    await ended;
    expect(job.step('b').conclusion).toBe('failure');
    expect(job.state.status).toBe('cancelled');
  });

  it('one that comes before the first step is known to it', async () => {
    const job = new FakeJob([fg('a'), fg('b', '', { if: 'always()' }), bg('c')]);
    job.cancel.cancel('user');
    await job.run();
    expect(['a', 'b', 'c'].map((id) => job.step(id).conclusion)).toEqual(['skipped', 'success', 'skipped']);
    expect(job.state.status).toBe('cancelled');
  });

  it('one that comes while a step is being reached is taken into account', async () => {
    let hashed = (): void => undefined;
    const hashing = new Promise<string>((resolve) => (hashed = () => resolve('hash')));
    const job = new FakeJob([fg('a', '', { name: "${{ hashFiles('x') }}" })], { hashFiles: () => hashing });
    const { ended } = await job.start();
    job.cancel.cancel('user');
    hashed();
    await ended;
    expect(job.step('a').conclusion).toBe('skipped');
  });
});

describe('killing the job', () => {
  it('ends what runs at once and starts nothing more: no always(), no post', async () => {
    const f = fg('f', 'stubborn', { if: 'always()' });
    const job = new FakeJob(
      [
        ...[bg('a', 'stubborn'), bg('b', 'stubborn'), bg('q'), f],
        ...[wait('w', ['a']), fg('always', '', { if: 'always()' }), bg('late', '', { if: 'always()' })],
      ],
      { maxBackground: 2, postStages: (self) => [self.post(f)] },
    );
    const { ended } = await job.start();
    job.cancel.cancel('user');
    await job.clock.advance(0);
    expect(job.running).toEqual(['a', 'b', 'f']);
    job.kill.cancel('user');
    await ended;
    for (const id of ['a', 'b', 'f']) {
      expect(job.step(id)).toMatchObject({ conclusion: 'cancelled', reason: 'job-cancelled' });
      expect(job.scope(id).signal.aborted).toBe(true);
    }
    expect(job.step('q')).toMatchObject({ conclusion: 'cancelled', startedAt: null });
    for (const id of ['w', 'always', 'late', BARRIER, 'Post f'])
      expect(job.step(id)).toMatchObject({ conclusion: 'skipped', reason: 'job-cancelled', startedAt: null });
    expect(job.state.status).toBe('cancelled');
  });

  it('comes through to a job that sits in a wait', async () => {
    const job = new FakeJob([bg('a', 'stubborn'), wait('w', ['a'])]);
    const { ended } = await job.start();
    job.cancel.cancel('user');
    job.kill.cancel('user');
    await ended;
    expect(job.step('a').conclusion).toBe('cancelled');
    expect(job.step('w').conclusion).toBe('cancelled');
  });

  it('does not wait long for a handler that does not answer', async () => {
    const job = new FakeJob([fg('a', 'deaf')]);
    const { ended } = await job.start();
    job.kill.cancel('user');
    await job.clock.advance(5_000);
    await ended;
    expect(job.step('a')).toMatchObject({ conclusion: 'cancelled', reason: 'stop-timed-out' });
  });
});
