/** Scenarios 35 to 51 with steps played by the test: what later steps see of a background step, and when. */
import { describe, expect, it } from '@jest/globals';
import { bg, cancel, fg, FakeJob, wait, waitAll } from '../support/fake-job.ts';

const SHOW = 'echo [${{ steps.a.outputs.v }}|${{ steps.a.outcome }}|${{ steps.a.conclusion }}]';

describe('nothing is visible before a barrier, everything after it', () => {
  it('35, 38, 39: outputs, outcome and conclusion', async () => {
    const job = new FakeJob([bg('a', 'output v=1'), fg('before', SHOW), wait('w', ['a']), fg('after', SHOW)]);
    await job.run();
    expect(job.history.indexOf('-a')).toBeLessThan(job.history.indexOf('+before'));
    expect(job.log('before')).toEqual(['[||]']);
    expect(job.log('after')).toEqual(['[1|success|success]']);
  });

  it('36, 37: environment and PATH', async () => {
    const job = new FakeJob([bg('a', 'env FOO=1\npath /tool'), fg('before'), wait('w', ['a']), fg('after')]);
    await job.run();
    expect(job.scope('before').env.has('FOO')).toBe(false);
    expect(job.scope('before').path).toEqual([]);
    expect(job.scope('after').env.get('FOO')).toBe('1');
    expect(job.scope('after').path).toEqual(['/tool']);
  });

  it('40: cancel commits a step that had finished', async () => {
    const job = new FakeJob([bg('a', 'output v=1'), fg('f'), cancel('c', 'a'), fg('after', SHOW)]);
    await job.run();
    expect(job.log('after')).toEqual(['[1|success|success]']);
  });

  it('41: the implicit barrier is enough for post steps and for the state the job ends with', async () => {
    const a = bg('a', 'output v=1\nenv FOO=2\nhold');
    const job = new FakeJob([a], { postStages: (self) => [self.post(a)] });
    const { ended } = await job.start();
    await job.finish('a');
    await ended;
    expect(job.state.steps.a).toEqual({ outputs: { v: '1' }, outcome: 'success', conclusion: 'success' });
    expect(job.scope('post-a').env.get('FOO')).toBe('2');
  });

  it('a foreground step is visible to the next one', async () => {
    const job = new FakeJob([fg('a', 'output v=1\nenv FOO=1'), fg('after', SHOW)]);
    await job.run();
    expect(job.log('after')).toEqual(['[1|success|success]']);
    expect(job.scope('after').env.get('FOO')).toBe('1');
  });

  it('a generated id is in no context and in no report', async () => {
    const job = new FakeJob([bg('__run', 'output v=1'), wait('__wait', ['__run'])]);
    const reports = await job.run();
    expect(job.state.steps).toEqual({});
    expect(reports.map(({ id }) => id)).toEqual([null, null]);
  });
});

describe('the order of commits', () => {
  const both = (barrier: Parameters<typeof wait>[1] | 'all'): FakeJob =>
    new FakeJob([
      bg('a', 'hold\nenv FOO=a'),
      bg('b', 'env FOO=b'),
      barrier === 'all' ? waitAll('w') : wait('w', barrier),
    ]);
  const fooAfter = async (job: FakeJob): Promise<string | undefined> => {
    const { ended } = await job.start();
    await job.finish('a');
    await ended;
    return job.state.env.get('FOO');
  };

  it('42: a wait commits in the order of its list, whoever ended first', async () => {
    await expect(fooAfter(both(['b', 'a']))).resolves.toBe('a');
    await expect(fooAfter(both(['a', 'b']))).resolves.toBe('b');
  });

  it('43: wait-all commits in declared order', async () => {
    await expect(fooAfter(both('all'))).resolves.toBe('b');
  });

  it('the implicit barrier commits in declared order', async () => {
    await expect(fooAfter(new FakeJob([bg('a', 'hold\nenv FOO=a'), bg('b', 'env FOO=b')]))).resolves.toBe('b');
  });

  it('44: waiting again does not undo what came between', async () => {
    const job = new FakeJob([
      bg('a', 'env FOO=1'),
      wait('w', ['a']),
      fg('f', 'env FOO=2'),
      wait('w2', ['a']),
      fg('show'),
    ]);
    await job.run();
    expect(job.scope('show').env.get('FOO')).toBe('2');
  });

  it('45: many steps that write outputs at once keep them apart', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `s${String(n)}`);
    const job = new FakeJob([...ids.map((id) => bg(id, `output v=${id}`)), waitAll('all')]);
    await job.run();
    for (const id of ids) {
      expect(job.step(id).outputs).toEqual({ v: id });
      expect(job.state.steps[id]?.outputs).toEqual({ v: id });
    }
  });

  it('50: two variables that differ in case are two variables', async () => {
    const job = new FakeJob([bg('a', 'env foo=1\nenv FOO=2'), wait('w', ['a'])]);
    await job.run();
    expect(job.state.env.get('foo')).toBe('1');
    expect(job.state.env.get('FOO')).toBe('2');
  });

  it('steps that give one variable different values at one barrier are named in its log', async () => {
    const job = new FakeJob([bg('a', 'env FOO=1', { name: 'A' }), bg('b', 'env FOO=2', { name: 'B' }), waitAll('all')]);
    await job.run();
    expect(job.step('all').annotations).toMatchObject([{ level: 'warning' }]);
    expect(job.step('all').annotations[0]!.message).toMatch(/FOO .*'A' and 'B'.*value of 'B'/);
  });

  it('the same value twice, and steps of different barriers, are no conflict', async () => {
    const job = new FakeJob([
      ...[bg('a', 'env FOO=1'), bg('b', 'env FOO=1'), waitAll('all')],
      ...[bg('c', 'env FOO=2'), wait('w', ['c', 'a'])],
    ]);
    await job.run();
    expect([...job.step('all').annotations, ...job.step('w').annotations]).toEqual([]);
  });

  it('an entry that is on the PATH already moves to the front', async () => {
    const job = new FakeJob([fg('a', 'path /x\npath /y'), fg('b', 'path /x')]);
    await job.run();
    expect(job.state.path).toEqual(['/x', '/y']);
  });
});

describe('what a report shows', () => {
  it('names and outputs are masked, what steps see is not', async () => {
    const job = new FakeJob([fg('a', 'output v=hunter2', { name: 'say ${{ github.actor }} hunter2' }), fg('b', SHOW)]);
    await job.run();
    expect(job.step('a')).toMatchObject({ name: 'say octocat ***', outputs: { v: '***' } });
    expect(job.log('b')).toEqual(['[hunter2|success|success]']);
  });

  it('a default name shows no secret', async () => {
    const job = new FakeJob([fg('a', 'echo ${{ secrets.S }}\nsecond line')], { contexts: { secrets: { S: 'x' } } });
    await job.run();
    expect(job.step('a').name).toBe('Run echo');
  });
});
