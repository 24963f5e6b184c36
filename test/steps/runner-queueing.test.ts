/** Scenarios 24 to 34 with steps played by the test: side by side, behind slots, and what is taken when. */
import { describe, expect, it } from '@jest/globals';
import { bg, cancel, fg, FakeJob, wait, waitAll } from '../support/fake-job.ts';

describe('side by side', () => {
  it('24: a foreground step runs and ends while a background step runs', async () => {
    const job = new FakeJob([bg('a', 'hold'), fg('f'), wait('w', ['a'])]);
    const { ended } = await job.start();
    expect(job.history).toEqual(['+a', '+f', '-f']);
    expect(job.step('w').conclusion).toBeNull();
    await job.finish('a');
    await ended;
    expect(job.step('w').conclusion).toBe('success');
    expect(job.state.status).toBe('success');
  });

  it('25: never more run at once than there are slots, and those behind start in declared order', async () => {
    const ids = Array.from({ length: 12 }, (_, n) => `s${String(n)}`);
    const job = new FakeJob([...ids.map((id) => bg(id, 'hold')), waitAll('all')]);
    const { ended } = await job.start();
    expect(job.running).toEqual(ids.slice(0, 10));
    expect(job.step('s10')).toMatchObject({ startedAt: null, completedAt: null });
    expect(job.step('s10').queuedAt).not.toBeNull();
    await job.finish('s4');
    expect(job.running).toContain('s10');
    expect(job.running).not.toContain('s11');
    await job.finish('s0');
    expect(job.running).toContain('s11');
    for (const id of [...job.running]) await job.finish(id);
    await ended;
    expect(job.most).toBe(10);
  });

  it('26: with one slot background steps run one after the other in declared order', async () => {
    const job = new FakeJob([bg('a'), bg('b'), bg('c'), waitAll('all')], { maxBackground: 1 });
    await job.run();
    expect(job.history).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
  });

  it('27: a step behind endless services starts when one of them is cancelled', async () => {
    const services = Array.from({ length: 10 }, (_, n) => bg(`s${String(n)}`, 'hold'));
    const job = new FakeJob([...services, bg('x', 'hold'), fg('f'), cancel('c', 's3'), wait('w', ['x'])]);
    const { ended } = await job.start();
    expect(job.history.indexOf('+x')).toBeGreaterThan(job.history.indexOf('-f'));
    expect(job.history.indexOf('+x')).toBeGreaterThan(job.history.indexOf('-s3'));
    for (const id of [...job.running]) await job.finish(id);
    await ended;
    expect(job.state.status).toBe('success');
  });

  it('28: time in the queue does not count towards the time limit', async () => {
    const job = new FakeJob([bg('blocker', 'hold'), bg('x', 'hold', { timeoutMinutes: 1 }), waitAll('all')], {
      maxBackground: 1,
    });
    const { ended } = await job.start();
    await job.clock.advance(90_000);
    await job.finish('blocker');
    await job.clock.advance(20_000);
    await job.finish('x');
    await ended;
    expect(job.step('x').conclusion).toBe('success');
  });

  it('29: a background step with a free slot has started before the next step has ended', async () => {
    const job = new FakeJob([bg('a', 'hold'), fg('f', 'hold')]);
    const { ended } = await job.start();
    expect(job.running).toEqual(['a', 'f']);
    await job.finish('a');
    await job.finish('f');
    await ended;
  });

  it('30: a skipped background step takes no slot, is known as skipped at once, and its wait succeeds', async () => {
    const job = new FakeJob(
      [
        bg('x', '', { if: 'false' }),
        bg('y', 'hold'),
        fg('show', 'echo ${{ steps.x.outcome }} ${{ steps.x.conclusion }}'),
        wait('w', ['x']),
      ],
      { maxBackground: 1 },
    );
    const { ended } = await job.start();
    expect(job.running).toEqual(['y']);
    expect(job.log('show')).toEqual(['skipped skipped']);
    expect(job.step('x')).toMatchObject({
      conclusion: 'skipped',
      reason: 'condition',
      queuedAt: null,
      startedAt: null,
    });
    expect(job.step('w').conclusion).toBe('success');
    expect(job.log('w')).toContain('  Run: skipped');
    await job.finish('y');
    await ended;
  });

  it('31: a failure that nobody waited for is not visible to failure()', async () => {
    const job = new FakeJob([bg('a', 'exit 1'), fg('f'), bg('b', '', { if: 'failure()' }), fg('c')]);
    await job.run();
    expect(job.step('b').conclusion).toBe('skipped');
    expect(job.step('c').conclusion).toBe('success');
    expect(job.state.status).toBe('failure');
  });

  it('foreground steps and barriers take no slot', async () => {
    const job = new FakeJob([bg('a', 'hold'), fg('f'), wait('w', ['a'])], { maxBackground: 1 });
    const { ended } = await job.start();
    expect(job.step('f').conclusion).toBe('success');
    await job.finish('a');
    await ended;
  });

  it('a step that had to wait for its slot says how long and behind how many', async () => {
    const job = new FakeJob([bg('a', 'hold'), bg('b', 'hold'), bg('c'), waitAll('all')], { maxBackground: 1 });
    const { ended } = await job.start();
    await job.clock.advance(12_000);
    await job.finish('a');
    await job.clock.advance(3_000);
    await job.finish('b');
    await ended;
    expect(job.log('a')).toEqual([]);
    expect(job.log('b')).toEqual(['Waited 12 s for a slot: queued (0 ahead).']);
    expect(job.log('c')).toEqual(['Waited 15 s for a slot: queued (1 ahead).']);
  });

  it('queuedAt is when it was reached, startedAt when it got its slot, completedAt when it ended', async () => {
    const job = new FakeJob([bg('a', 'hold'), bg('b', 'hold'), fg('f', 'hold'), waitAll('all')], { maxBackground: 1 });
    const { ended } = await job.start();
    await job.clock.advance(1_000);
    await job.finish('a');
    await job.clock.advance(1_000);
    await job.finish('b');
    await job.clock.advance(1_000);
    await job.finish('f');
    await ended;
    expect(job.step('b')).toMatchObject({
      queuedAt: '2026-01-01T00:00:00.000Z',
      startedAt: '2026-01-01T00:00:01.000Z',
      completedAt: '2026-01-01T00:00:02.000Z',
    });
    expect(job.step('f')).toMatchObject({ queuedAt: null, startedAt: '2026-01-01T00:00:00.000Z' });
  });
});

describe('what a queued step sees', () => {
  const queued = (consumer: string, producer: string): FakeJob =>
    new FakeJob(
      [
        bg('blocker', 'hold'),
        bg('consumer', consumer, { env: { OWN: '${{ env.V }}' } }),
        fg('p', producer),
        waitAll('all'),
      ],
      {
        maxBackground: 1,
        env: { V: 'old' },
      },
    );
  const play = async (job: FakeJob): Promise<FakeJob> => {
    const { ended } = await job.start();
    await job.finish('blocker');
    await ended;
    return job;
  };

  it('32: outputs in its script are read when it starts', async () => {
    const job = await play(queued('echo [${{ steps.p.outputs.v }}]', 'output v=1'));
    expect(job.log('consumer').at(-1)).toBe('[1]');
  });

  it('33: its environment was taken when it was reached, in expressions too', async () => {
    const job = await play(queued('echo [${{ env.V }}]', 'env V=new'));
    expect(job.scope('consumer').env.get('V')).toBe('old');
    expect(job.scope('consumer').env.get('OWN')).toBe('old');
    expect(job.log('consumer').at(-1)).toBe('[old]');
    expect(job.state.env.get('V')).toBe('new');
  });

  it('34: its PATH was taken when it was reached', async () => {
    const job = await play(queued('', 'path /added'));
    expect(job.scope('consumer').path).toEqual([]);
    expect(job.state.path).toEqual(['/added']);
  });

  it('its name and its time limit were evaluated when it was reached', async () => {
    const keys = { name: 'is ${{ steps.p.outputs.v }}', timeoutMinutes: '${{ steps.p.outputs.v }}' };
    const job = await play(
      new FakeJob([bg('blocker', 'hold'), bg('x', '', keys), fg('p', 'output v=1'), waitAll('all')], {
        maxBackground: 1,
      }),
    );
    expect(job.step('x').name).toBe('is');
  });
});
