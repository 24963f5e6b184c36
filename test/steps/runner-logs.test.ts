/** Scenarios 85, 99 to 115 with steps played by the test: groups, what barriers say, numbers, summaries. */
import { describe, expect, it } from '@jest/globals';
import { bg, BARRIER, cancel, fg, FakeJob, GRACE_MS, NOTICE_MS, wait, waitAll } from '../support/fake-job.ts';

/** What the parser makes of a `parallel` with these children. */
function group(
  n: number,
  ...children: readonly ReturnType<typeof bg>[]
): (ReturnType<typeof bg> | ReturnType<typeof wait>)[] {
  const key = `parallel-${String(n)}`;
  const inGroup = children.map((child) => ({ ...child, group: key }));
  const barrier = wait(
    `__parallel_${String(n)}`,
    children.map(({ id }) => id),
    { name: 'Parallel group', group: key },
  );
  return [...inGroup, barrier];
}

describe('a parallel group', () => {
  it('99: fails when all children have ended, not when the first fails', async () => {
    const job = new FakeJob([...group(1, bg('a', 'exit 1'), bg('b', 'hold')), fg('next')]);
    const { ended } = await job.start();
    expect(job.step('Parallel group').conclusion).toBeNull();
    await job.finish('b');
    await ended;
    expect(job.step('Parallel group')).toMatchObject({
      conclusion: 'failure',
      group: 'parallel-1',
      targets: ['a', 'b'],
    });
    expect(job.step('b').conclusion).toBe('success');
    expect(job.step('next').conclusion).toBe('skipped');
  });

  it('101, 102: a skipped child and one that may fail leave it green', async () => {
    const children = [bg('a', '', { if: 'false' }), bg('b', 'exit 1', { continueOnError: true }), bg('c')];
    const job = new FakeJob(group(1, ...children));
    await job.run();
    expect(job.step('Parallel group').conclusion).toBe('success');
    expect(job.state.status).toBe('success');
  });

  it('103: what the children wrote is there after it, and not inside of it', async () => {
    const children = [bg('a', 'output v=1'), bg('b', 'env FOO=2'), bg('c', 'echo [${{ steps.a.outputs.v }}]')];
    const job = new FakeJob([...group(1, ...children), fg('show', 'echo ${{ steps.a.outputs.v }} ${{ env.FOO }}')]);
    await job.run();
    expect(job.log('c')).toEqual(['[]']);
    expect(job.log('show')).toEqual(['1 2']);
  });

  it('104, 105: does not wait for a service outside of it, and the next group starts after it', async () => {
    const job = new FakeJob([
      bg('svc', 'hold'),
      ...group(1, bg('a', 'hold')),
      ...group(2, bg('b')),
      cancel('c', 'svc'),
    ]);
    const { ended } = await job.start();
    expect(job.running).toEqual(['svc', 'a']);
    await job.finish('a');
    await ended;
    expect(job.history.indexOf('+b')).toBeGreaterThan(job.history.indexOf('-a'));
    expect(job.history.indexOf('-svc')).toBeGreaterThan(job.history.indexOf('-b'));
    expect(job.state.status).toBe('success');
  });
});

describe('the log of a barrier', () => {
  it('115: names its targets, then gives one result line per target', async () => {
    const job = new FakeJob([
      bg('a', '', { name: 'Build it' }),
      bg('b', 'exit 1', { name: 'Test it', continueOnError: true }),
      bg('c', 'hold', { name: 'Serve it' }),
      cancel('k', 'c'),
      wait('w', ['a', 'b', 'c']),
    ]);
    await job.run();
    expect(job.log('k')).toEqual(["Cancelling 'Serve it'.", '  Serve it: cancelled (cancelled-by-step)']);
    expect(job.log('w')).toEqual([
      "Waiting for 'Build it', 'Test it', 'Serve it'.",
      '  Build it: success',
      '  Test it: failure, ignored (exit code 1)',
      '  Serve it: cancelled (cancelled-by-step)',
    ]);
  });

  it('85: says every so often what it waits for, since when, and what that said last', async () => {
    const job = new FakeJob(
      [
        bg('a', 'echo listening on 8080\nhold', { name: 'Serve' }),
        bg('b', 'hold', { name: 'Quiet' }),
        bg('c', '', { name: 'Late' }),
      ],
      { maxBackground: 2 },
    );
    const { ended } = await job.start();
    await job.clock.advance(NOTICE_MS - 1);
    expect(job.log(BARRIER)).toHaveLength(1);
    await job.clock.advance(1);
    expect(job.log(BARRIER).slice(1)).toEqual([
      'Still waiting for 3 steps after 30 s:',
      '  Serve: running for 30 s since 2026-01-01T00:00:00.000Z, last output: listening on 8080',
      '  Quiet: running for 30 s since 2026-01-01T00:00:00.000Z, no output yet',
      '  Late: queued for 30 s since 2026-01-01T00:00:00.000Z, 0 ahead of it',
    ]);
    await job.finish('b');
    await job.clock.advance(NOTICE_MS);
    expect(job.log(BARRIER).slice(5)).toEqual([
      'Still waiting for 1 step after 1 min 0 s:',
      '  Serve: running for 1 min 0 s since 2026-01-01T00:00:00.000Z, last output: listening on 8080',
    ]);
    await job.finish('a');
    await ended;
    expect(job.clock.pendingTimers).toBe(0);
  });

  it('says that a step was asked to end when it waits for that', async () => {
    const stopGrace = { interruptSeconds: 60, terminateSeconds: 60 };
    const job = new FakeJob([bg('a', 'deaf', { name: 'A', stopGrace }), cancel('c', 'a')]);
    const { ended } = await job.start();
    await job.clock.advance(NOTICE_MS);
    expect(job.log('c').at(-1)).toMatch(/^ {2}A: running for 30 s .*, asked to end, no output yet$/);
    await job.clock.advance(GRACE_MS + 110_000);
    await ended;
  });

  it('a name with an expression that cannot be evaluated is shown as written, and the barrier runs', async () => {
    const name = '${{ fromJSON(env.NONE) }}';
    const job = new FakeJob([
      bg('a', 'exit 1'),
      wait('w', ['a'], { name }),
      waitAll('all', { name: 'for ${{ github.actor }}' }),
    ]);
    await job.run();
    expect(job.step('w')).toMatchObject({ name, conclusion: 'failure' });
    expect(job.step('all').name).toBe('for octocat');
  });

  it('default names say what a step is', async () => {
    const job = new FakeJob([bg('a', 'echo x\necho y'), wait('w', ['a']), waitAll('all'), cancel('c', 'a')]);
    await job.run();
    expect(job.reports.map(({ name }) => name)).toEqual(['Run echo x', 'Wait', 'Wait for all', 'Cancel']);
  });
});

describe('numbers and reports', () => {
  it('114: numbers follow declaration from the first one on, whatever ends first', async () => {
    const a = bg('a', 'hold');
    const job = new FakeJob([a, fg('b'), wait('w', ['a']), bg('d')], {
      firstNumber: 3,
      postStages: (self) => [self.post(a)],
    });
    const { ended } = await job.start();
    expect(job.reports.map(({ number, id }) => [number, id])).toEqual([
      [3, 'a'],
      [4, 'b'],
      [5, 'w'],
      [6, 'd'],
      [7, null],
    ]);
    await job.finish('a');
    const reports = await ended;
    expect(reports.map(({ number }) => number)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(job.scope('b').key).toBe('4');
  });

  it('every step is declared as pending before the first one starts', async () => {
    const job = new FakeJob([fg('a', 'hold'), fg('b')]);
    const { ended } = await job.start();
    expect(job.states).toEqual(['a running']);
    expect(job.step('b')).toMatchObject({ name: 'Run', outcome: null, completedAt: null });
    await job.finish('a');
    await ended;
  });

  it('113: every step completes once, however many barriers covered it', async () => {
    const job = new FakeJob([bg('a'), wait('w', ['a']), wait('w2', ['a']), waitAll('all'), cancel('c', 'a')]);
    await job.run();
    expect([...job.completions.values()]).toEqual([1, 1, 1, 1, 1]);
  });
});
