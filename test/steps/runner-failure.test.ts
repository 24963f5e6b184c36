/** Scenarios 52 to 65 with steps played by the test: how failures of background steps reach the job. */
import { describe, expect, it } from '@jest/globals';
import { bg, BARRIER, cancel, fg, FakeJob, fakeLog, GRACE_MS, wait, waitAll } from '../support/fake-job.ts';

describe('a failure counts at the barrier', () => {
  it('52: steps before the wait run, the wait fails and names the step, later steps are skipped', async () => {
    const job = new FakeJob([bg('a', 'exit 7', { name: 'Build it' }), fg('before'), wait('w', ['a']), fg('after')]);
    await job.run();
    expect(job.step('a')).toMatchObject({ outcome: 'failure', exitCode: 7 });
    expect(job.step('before').conclusion).toBe('success');
    expect(job.step('w').conclusion).toBe('failure');
    expect(job.step('w').annotations).toMatchObject([{ level: 'error' }]);
    expect(job.step('w').annotations[0]!.message).toMatch(/'Build it'.*exit code 7.*step 1/);
    expect(job.step('after')).toMatchObject({ conclusion: 'skipped', reason: 'condition', startedAt: null });
    expect(job.state.status).toBe('failure');
  });

  it('53: continue-on-error on the background step keeps everything green', async () => {
    const job = new FakeJob([bg('a', 'exit 1', { continueOnError: true }), wait('w', ['a']), fg('after')]);
    await job.run();
    expect(job.step('a')).toMatchObject({ outcome: 'failure', conclusion: 'success', reason: 'failure-ignored' });
    expect(job.step('w').conclusion).toBe('success');
    expect(job.state.steps.a).toMatchObject({ outcome: 'failure', conclusion: 'success' });
    expect(job.state.status).toBe('success');
  });

  it.each([
    wait('w', ['a'], { continueOnError: true }),
    waitAll('w', { continueOnError: "${{ github.actor == 'octocat' }}" }),
  ])('54: continue-on-error on the barrier ($kind) swallows the failure, also when the job ends', async (barrier) => {
    const job = new FakeJob([bg('a', 'exit 1'), barrier, fg('after')]);
    await job.run();
    expect(job.step('w')).toMatchObject({ outcome: 'failure', conclusion: 'success', reason: 'failure-ignored' });
    expect(job.step('after').conclusion).toBe('success');
    expect(job.state.steps.w).toMatchObject({ outcome: 'failure', conclusion: 'success' });
    expect(job.state.status).toBe('success');
  });

  it('54: continue-on-error on a cancel swallows a failure from before it', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), fg('f'), cancel('c', 'a', { continueOnError: true })]);
    await job.run();
    expect(job.step('a').conclusion).toBe('failure');
    expect(job.state.status).toBe('success');
  });

  it('54: a second barrier without continue-on-error fails all the same', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), wait('w', ['a'], { continueOnError: true }), wait('w2', ['a'])]);
    await job.run();
    expect(job.step('w2').conclusion).toBe('failure');
    expect(job.state.status).toBe('failure');
  });

  it('55: a failure() step after the barrier runs', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), waitAll('w'), fg('f', '', { if: 'failure()' })]);
    await job.run();
    expect(job.step('f').conclusion).toBe('success');
  });

  it.each([
    ['56: a handler that fails before it waits for anything', bg('a', 'exit 1'), null],
    [
      '57: an env that cannot be evaluated',
      bg('a', '', { env: { X: '${{ fromJSON(env.NONE) }}' } }),
      'condition-error',
    ],
    ['57: an if that cannot be evaluated', bg('a', '', { if: 'fromJSON(env.NONE)' }), 'condition-error'],
    ['57: a name that cannot be evaluated', bg('a', '', { name: '${{ fromJSON(env.NONE) }}' }), 'condition-error'],
    ['a handler that throws at once', bg('a', 'throw broken'), 'internal-error'],
  ])('%s fails the step at once and the job at the barrier', async (_, step, reason) => {
    const job = new FakeJob([step, fg('f', 'hold'), wait('w', ['a'])]);
    const { ended } = await job.start();
    expect(job.step('a')).toMatchObject({ conclusion: 'failure', reason });
    expect(job.state.status).toBe('success');
    expect(job.state.steps).toEqual({});
    await job.finish('f');
    await ended;
    expect(job.step('f').conclusion).toBe('success');
    expect(job.step('w').conclusion).toBe('failure');
    expect(job.state.steps.a).toMatchObject({ outcome: 'failure' });
  });

  it('58: a wait for two waits for both, fails, and lists both results', async () => {
    const job = new FakeJob([bg('a', 'exit 1', { name: 'A' }), bg('b', 'hold', { name: 'B' }), wait('w', ['a', 'b'])]);
    const { ended } = await job.start();
    expect(job.step('w').conclusion).toBeNull();
    await job.finish('b');
    await ended;
    expect(job.step('w').conclusion).toBe('failure');
    expect(job.log('w').slice(0, 3)).toEqual(["Waiting for 'A', 'B'.", '  A: failure (exit code 1)', '  B: success']);
  });

  it('59: the wait runs after a foreground failure as well', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), fg('f', 'exit 1'), wait('w', ['a'])]);
    await job.run();
    expect(job.step('w').conclusion).toBe('failure');
  });

  it('60: an uncovered failure fails the implicit barrier, and the conditions of post steps see it', async () => {
    const a = bg('a', 'exit 1');
    const job = new FakeJob([a], { postStages: (self) => [self.post(a, 'success()')] });
    await job.run();
    expect(job.step(BARRIER)).toMatchObject({ kind: 'wait-all', conclusion: 'failure', phase: 'main' });
    expect(job.step('Post a').conclusion).toBe('skipped');
  });

  it('61: a wait-all after the wait that failed has nothing left to fail for', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), wait('w', ['a']), waitAll('all')]);
    await job.run();
    expect(job.step('w').conclusion).toBe('failure');
    expect(job.step('all').conclusion).toBe('success');
    expect(job.log('all')).toEqual(['No background step is left to wait for.']);
  });

  it('62: waiting twice for a failed step fails twice', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), wait('w1', ['a']), wait('w2', ['a'])]);
    await job.run();
    expect([job.step('w1').conclusion, job.step('w2').conclusion]).toEqual(['failure', 'failure']);
  });

  it('63: a failure outranks a cancelled sibling', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), bg('b', 'hold'), cancel('c', 'b'), wait('w', ['a', 'b']), fg('after')]);
    await job.run();
    expect(job.step('w').conclusion).toBe('failure');
    expect(job.step('after').conclusion).toBe('skipped');
  });

  it('B38: a wait for an explicitly cancelled step is cancelled and the job stays green', async () => {
    const job = new FakeJob([bg('b', 'hold'), cancel('c', 'b'), wait('w', ['b']), fg('after')]);
    await job.run();
    expect(job.step('w')).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-step' });
    expect(job.step('after').conclusion).toBe('success');
    expect(job.state.status).toBe('success');
  });

  it('B41, B42: a target named twice counts once, and one that is unknown is nothing to wait for', async () => {
    const job = new FakeJob([
      bg('a', '', { name: 'A' }),
      fg('f', '', { name: 'F' }),
      wait('w', ['a', 'A', 'f', 'nobody']),
    ]);
    await job.run();
    expect(job.step('w').conclusion).toBe('success');
    expect(job.log('w').filter((line) => line.startsWith('  '))).toEqual([
      '  A: success',
      '  f: no background step has this id, nothing to do',
      '  nobody: no background step has this id, nothing to do',
    ]);
  });
});

describe('time limits', () => {
  it('64: a background step that exceeds its time fails with an annotation, and its wait fails', async () => {
    const job = new FakeJob([bg('a', 'hold', { timeoutMinutes: 1.5, name: 'A' }), wait('w', ['a'])]);
    const { ended } = await job.start();
    await job.clock.advance(89_999);
    expect(job.step('a').conclusion).toBeNull();
    await job.clock.advance(1);
    await ended;
    expect(job.step('a')).toMatchObject({ outcome: 'failure', reason: 'timed-out' });
    expect(job.step('a').annotations.map(({ message }) => message)).toEqual([
      "The step 'A' has timed out after 1.5 minutes.",
    ]);
    expect(job.step('w').conclusion).toBe('failure');
    expect(job.clock.pendingTimers).toBe(0);
  });

  it('B77: a time limit and continue-on-error make a success', async () => {
    const job = new FakeJob([fg('a', 'hold', { timeoutMinutes: 1, continueOnError: true }), fg('after')]);
    const { ended } = await job.start();
    await job.clock.advance(60_000);
    await ended;
    expect(job.step('a')).toMatchObject({ outcome: 'failure', conclusion: 'success', reason: 'failure-ignored' });
    expect(job.step('after').conclusion).toBe('success');
  });

  it('65: a cancel that comes while the time limit is ending the step wins', async () => {
    const job = new FakeJob([bg('a', 'deaf', { timeoutMinutes: 1 }), fg('f', 'hold'), cancel('c', 'a'), fg('after')]);
    const { ended } = await job.start();
    await job.clock.advance(60_000);
    expect(job.states).toContain('a cancelling');
    await job.finish('f');
    await job.clock.advance(GRACE_MS);
    await ended;
    expect(job.step('a')).toMatchObject({ conclusion: 'cancelled', reason: 'stop-timed-out' });
    expect(job.step('after').conclusion).toBe('success');
    expect(job.state.status).toBe('success');
  });

  it('65: a time limit that comes while a cancel is ending the step changes nothing', async () => {
    const job = new FakeJob([bg('a', 'stubborn', { timeoutMinutes: 1 }), fg('f', 'hold'), cancel('c', 'a')]);
    const { ended } = await job.start();
    await job.clock.advance(59_999);
    await job.finish('f');
    await job.clock.advance(1);
    expect(job.step('a').conclusion).toBeNull();
    await job.clock.advance(GRACE_MS);
    await ended;
    expect(job.step('a').conclusion).toBe('cancelled');
  });

  it.each([['nonsense'], ['${{ fromJSON(env.NONE) }}']])(
    'a limit that is %s is no limit, and the step says so',
    async (timeoutMinutes) => {
      const job = new FakeJob([fg('a', '', { timeoutMinutes })]);
      await job.run();
      expect(job.step('a').conclusion).toBe('success');
      expect(job.step('a').annotations).toMatchObject([{ level: 'warning' }]);
    },
  );

  it('zero is no limit', async () => {
    const job = new FakeJob([fg('a', 'hold', { timeoutMinutes: 0 })]);
    const { ended } = await job.start();
    await job.clock.advance(1_000_000);
    expect(job.step('a').conclusion).toBeNull();
    await job.finish('a');
    await ended;
  });
});

describe('continue-on-error', () => {
  it.each([
    ['true', 'success'],
    ["${{ github.actor == 'octocat' }}", 'success'],
    ['${{ github.none }}', 'failure'],
    ['perhaps', 'failure'],
    ['${{ fromJSON(env.NONE) }}', 'failure'],
  ])('%s makes of a failure a %s', async (continueOnError, conclusion) => {
    const job = new FakeJob([fg('a', 'exit 1', { continueOnError })]);
    await job.run();
    expect(job.step('a')).toMatchObject({ outcome: 'failure', conclusion });
  });

  it('a problem with it is shown', async () => {
    const job = new FakeJob([fg('a', 'exit 1', { continueOnError: 'perhaps' })]);
    await job.run();
    expect(job.step('a').annotations[0]!.message).toContain("'perhaps'");
  });

  it('is not evaluated when there is nothing to continue on', async () => {
    const job = new FakeJob([fg('a', '', { continueOnError: '${{ fromJSON(env.NONE) }}' })]);
    await job.run();
    expect(job.step('a')).toMatchObject({ conclusion: 'success', annotations: [] });
  });
});

describe('internal errors', () => {
  it('a handler that throws fails its step, later steps are evaluated and post steps run', async () => {
    const a = fg('a', 'throw out of luck');
    const job = new FakeJob([a, fg('b'), fg('c', '', { if: 'always()' })], { postStages: (self) => [self.post(a)] });
    await job.run();
    expect(job.step('a')).toMatchObject({ outcome: 'failure', reason: 'internal-error' });
    expect(job.step('a').annotations[0]!.message).toContain('out of luck');
    expect(job.step('b').conclusion).toBe('skipped');
    expect(job.step('c').conclusion).toBe('success');
    expect(job.step('Post a').conclusion).toBe('success');
  });

  it('a log that breaks while a background step runs fails that step only', async () => {
    const lines: string[] = [];
    const job = new FakeJob([bg('a', 'echo this breaks'), wait('w', ['a'])], {
      openLog: (record) => {
        const log = fakeLog(lines);
        if (record.kind !== 'run') return log;
        return {
          ...log,
          line: () => {
            throw new Error('no space left');
          },
        };
      },
    });
    await job.run();
    expect(job.step('a')).toMatchObject({ outcome: 'failure', reason: 'internal-error' });
    expect(job.step('w').conclusion).toBe('failure');
  });

  it('a log that cannot be opened for a background step fails that step only', async () => {
    const job = new FakeJob([bg('a'), wait('w', ['a'])], {
      openLog: (record) => {
        if (record.kind === 'run') throw new Error('no space left');
        return fakeLog([]);
      },
    });
    await job.run();
    expect(job.step('a')).toMatchObject({ outcome: 'failure', reason: 'internal-error' });
    expect(job.state.status).toBe('failure');
  });

  it('a log that cannot be opened for a foreground step fails that step only', async () => {
    const job = new FakeJob([fg('a'), wait('w', []), fg('b', '', { if: 'always()' })], {
      openLog: (record, onAnnotation) => {
        if (record.number < 3) throw new Error('no space left');
        return fakeLog([], onAnnotation);
      },
    });
    await job.run();
    for (const id of ['a', 'w']) {
      expect(job.step(id)).toMatchObject({ outcome: 'failure', reason: 'internal-error' });
      expect(job.step(id).annotations[0]!.message).toContain('no space left');
    }
    expect(job.step('b').conclusion).toBe('success');
  });

  it('a bug outside of the steps rejects, and leaves no step running', async () => {
    const job = new FakeJob([bg('a', 'hold'), fg('b')], {
      onChanged: (step) => {
        if (step.id === 'b') throw new Error('bug');
      },
    });
    await expect(job.run()).rejects.toThrow('bug');
    expect(job.running).toEqual([]);
    expect(job.step('a').conclusion).toBe('cancelled');
  });
});
