/** Scenarios 66 to 83 with steps played by the test: the cancel step. */
import { describe, expect, it } from '@jest/globals';
import { bg, cancel, fg, FakeJob, GRACE_MS, LADDER_MS, wait } from '../support/fake-job.ts';

describe('a running step', () => {
  it('66: is asked to end, ends cancelled, and the job is green', async () => {
    const job = new FakeJob([bg('s', 'hold'), cancel('c', 's'), fg('after')]);
    await job.run();
    expect(job.step('s')).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-step', annotations: [] });
    expect(job.step('c')).toMatchObject({ conclusion: 'success', targets: ['s'] });
    expect(job.step('after').conclusion).toBe('success');
    expect(job.state.status).toBe('success');
    expect(job.states.filter((state) => state.startsWith('s '))).toEqual([
      's queued',
      's running',
      's cancelling',
      's completed',
    ]);
    expect(job.clock.pendingTimers).toBe(0);
  });

  it('68, 69: is waited for until it ends, longer than its ladder if need be', async () => {
    const job = new FakeJob([bg('s', 'deaf'), cancel('c', 's')]);
    const { ended } = await job.start();
    await job.clock.advance(LADDER_MS + 1_000);
    expect(job.step('c').conclusion).toBeNull();
    await job.finish('s');
    await ended;
    // It said success although it was asked to end: it had ended by itself.
    expect(job.step('s').conclusion).toBe('success');
    expect(job.step('c').conclusion).toBe('success');
  });

  it('70: what it exits with does not matter', async () => {
    const job = new FakeJob([bg('s', 'hold', { continueOnError: true }), cancel('c', 's')]);
    await job.run();
    expect(job.step('s')).toMatchObject({ outcome: 'cancelled', conclusion: 'cancelled' });
  });

  it('83: what it wrote before is there after the cancel', async () => {
    const job = new FakeJob([
      bg('s', 'output v=1\nenv FOO=1\nhold'),
      cancel('c', 's'),
      fg('f', 'echo ${{ steps.s.outputs.v }}'),
    ]);
    await job.run();
    expect(job.log('f')).toEqual(['1']);
    expect(job.scope('f').env.get('FOO')).toBe('1');
    expect(job.state.steps.s).toMatchObject({ outcome: 'cancelled', conclusion: 'cancelled' });
  });

  it('the cause is set before anybody is signalled', async () => {
    const job = new FakeJob([bg('s', 'hold'), fg('f', 'hold'), cancel('c', 's')]);
    const { ended } = await job.start();
    const seen: string[] = [];
    job.scope('s').signal.addEventListener('abort', () => seen.push(job.step('s').reason ?? 'not ended'));
    await job.finish('f');
    await ended;
    expect(seen).toEqual(['not ended']);
    expect(job.step('s').reason).toBe('cancelled-by-step');
  });
});

describe('a step that does not end', () => {
  it('is written off after the grace: reported, annotated, killed, and its slot is free again', async () => {
    const job = new FakeJob([bg('s', 'deaf', { name: 'S' }), bg('next', ''), cancel('c', 's'), wait('w', ['next'])], {
      maxBackground: 1,
    });
    const { ended } = await job.start();
    await job.clock.advance(GRACE_MS - 1);
    expect(job.step('s').conclusion).toBeNull();
    expect(job.scope('s').kill.aborted).toBe(false);
    await job.clock.advance(1);
    await ended;
    expect(job.step('s')).toMatchObject({ conclusion: 'cancelled', reason: 'stop-timed-out' });
    expect(job.step('s').annotations).toMatchObject([{ level: 'error' }]);
    expect(job.step('s').annotations[0]!.message).toContain("'S'");
    expect(job.scope('s').kill.aborted).toBe(true);
    expect(job.step('next').conclusion).toBe('success');
    expect(job.step('c').conclusion).toBe('success');
    expect(job.state.status).toBe('success');
    expect(job.clock.pendingTimers).toBe(0);
  });

  it('gets more time if its own ladder is longer', async () => {
    const stopGrace = { interruptSeconds: 60, terminateSeconds: null };
    const job = new FakeJob([bg('s', 'deaf', { stopGrace }), cancel('c', 's')]);
    const { ended } = await job.start();
    expect(job.scope('s').ladder).toEqual({ interruptMs: 60_000, terminateMs: 2_500 });
    await job.clock.advance(GRACE_MS + 52_499);
    expect(job.step('s').conclusion).toBeNull();
    await job.clock.advance(1);
    await ended;
    expect(job.step('s').reason).toBe('stop-timed-out');
  });

  it('78: a wait for it returns at once, and what it does later changes nothing', async () => {
    const job = new FakeJob([bg('s', 'deaf\nenv LATE=1'), cancel('c', 's'), wait('w', ['s']), fg('after', 'hold')]);
    const { ended } = await job.start();
    await job.clock.advance(GRACE_MS);
    expect(job.step('w').conclusion).toBe('cancelled');
    await job.finish('s');
    await job.finish('after');
    await ended;
    expect(job.step('after').conclusion).toBe('success');
    expect(job.completions.get(job.step('s').number)).toBe(1);
    expect(job.state.env.has('LATE')).toBe(false);
    expect(job.state.status).toBe('success');
  });

  it('a time limit does not wait for it for ever either, and that is a failure', async () => {
    const job = new FakeJob([fg('s', 'deaf', { timeoutMinutes: 1 }), fg('after')]);
    const { ended } = await job.start();
    await job.clock.advance(60_000 + GRACE_MS);
    await ended;
    expect(job.step('s')).toMatchObject({ conclusion: 'failure', reason: 'stop-timed-out' });
    expect(job.step('after').conclusion).toBe('skipped');
  });
});

describe('a step that is not running', () => {
  it('72: one that succeeded stays a success and is not signalled', async () => {
    const job = new FakeJob([bg('s', 'output v=1'), fg('f'), cancel('c', 's')]);
    await job.run();
    expect(job.step('s').conclusion).toBe('success');
    expect(job.scope('s').signal.aborted).toBe(false);
    expect(job.state.steps.s).toMatchObject({ outputs: { v: '1' } });
  });

  it('73: one that failed lets the cancel succeed and the job fail at its end', async () => {
    const s = bg('s', 'exit 1');
    const job = new FakeJob([s, fg('f'), cancel('c', 's'), fg('after')], {
      postStages: (self) => [self.post(s, 'failure()')],
    });
    await job.run();
    expect(job.step('c').conclusion).toBe('success');
    expect(job.step('after').conclusion).toBe('success');
    expect(job.step('Post s').conclusion).toBe('success');
    expect(job.state.status).toBe('failure');
  });

  it('74: a queued one never starts and is reported as cancelled', async () => {
    const job = new FakeJob(
      [bg('a', 'hold'), bg('b', ''), bg('d', 'hold'), cancel('c', 'b'), cancel('c2', 'a'), wait('w', ['d'])],
      {
        maxBackground: 1,
      },
    );
    const { ended } = await job.start();
    // Its place in the queue passes on.
    expect(job.running).toEqual(['d']);
    await job.finish('d');
    await ended;
    expect(job.history).not.toContain('+b');
    expect(job.step('b')).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-step', startedAt: null });
    expect(job.step('b').completedAt).not.toBeNull();
    expect(job.step('c').conclusion).toBe('success');
    expect(job.step('c').annotations).toEqual([]);
    expect(job.state.status).toBe('success');
  });

  it('75: cancel runs after a foreground failure, so the job does not hang', async () => {
    const job = new FakeJob([bg('s', 'hold'), fg('f', 'exit 1'), cancel('c', 's')]);
    await job.run();
    expect(job.step('c').conclusion).toBe('success');
    expect(job.state.status).toBe('failure');
  });

  it('76: a skipped one, and one that nobody knows', async () => {
    const job = new FakeJob([bg('s', '', { if: 'false' }), cancel('c', 's'), cancel('c2', 'nobody')]);
    await job.run();
    expect(job.step('c').conclusion).toBe('success');
    expect(job.step('c2').conclusion).toBe('success');
    expect(job.step('s').conclusion).toBe('skipped');
  });

  it('77: one that was cancelled already', async () => {
    const job = new FakeJob([bg('s', 'env FOO=1\nhold'), cancel('c1', 's'), fg('f', 'env FOO=2'), cancel('c2', 's')]);
    await job.run();
    expect(job.step('c2').conclusion).toBe('success');
    expect(job.state.env.get('FOO')).toBe('2');
  });
});
