import { describe, expect, it } from '@jest/globals';
import { AgentBench } from './agent-harness.ts';
import { finishRecord, stepRecord } from './messages.ts';

describe('an agent that was killed and started again', () => {
  it('takes over its workers, and nothing is lost', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    worker.write(stepRecord(1, 'running'));
    worker.print(1, 'before\n');
    await bench.restart();
    worker.print(1, 'after\n');
    worker.write(stepRecord(1, 'completed'));
    await bench.finishJob('a1');
    await bench.pass(5_000);
    expect(bench.server.records('a1').map(({ kind }) => kind)).toEqual(['job-started', 'step', 'step', 'job-finished']);
    expect(bench.server.log('a1', 1)).toBe('before\nafter\n');
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('counts the slots of the workers that it takes over', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    await bench.startJob('a2');
    await bench.finishJob('a1');
    await bench.restart();
    await bench.startJob('a3');
    await bench.startJob('a4');
    expect(bench.machine.started('a3')).toBe(1);
    expect(bench.machine.worker('a3').order?.slot).toBe(0);
    expect(bench.machine.started('a4')).toBe(0);
  });

  it('sends what a worker finished meanwhile', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.die();
    bench.machine.append('a1.1', [stepRecord(1, 'completed'), finishRecord()]);
    bench.machine.worker('a1').die();
    await bench.revive();
    await bench.pass(1_000);
    expect(bench.server.at('a1').state).toBe('finished');
    expect(bench.machine.reaped).toEqual([]);
  });

  it('gives a job back that the server never heard to have started', async () => {
    const bench = await new AgentBench().start();
    bench.server.gate('sync');
    await bench.startJob('a1');
    await bench.restart();
    await bench.pass(1_000);
    expect(bench.server.at('a1').declines).toMatchObject([{ final: false }]);
    expect(bench.machine.started('a1')).toBe(0);
    expect(bench.machine.disk.size).toBe(0);
  });

  it('loses a job that the server heard to have started and that had no worker yet; it is not started again', async () => {
    const bench = await new AgentBench().start();
    bench.server.loseAnswer('sync');
    await bench.startJob('a1');
    expect(bench.server.at('a1').state).toBe('running');
    await bench.restart();
    await bench.pass(1_000);
    expect(bench.server.records('a1').at(-1)).toMatchObject({
      kind: 'job-finished',
      lost: 'runner-died',
      conclusion: 'failure',
    });
    expect(bench.machine.started('a1')).toBe(0);
  });

  it('speaks for a worker that died meanwhile, after ending what it left', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.die();
    bench.machine.append('a1.1', [
      stepRecord(1, 'completed'),
      stepRecord(2, 'running'),
      stepRecord(3, 'cancelling'),
      stepRecord(4, 'queued'),
      stepRecord(5, 'pending'),
    ]);
    bench.machine.worker('a1').die();
    await bench.revive();
    await bench.pass(1_000);
    expect(bench.machine.reaped).toEqual(['a1-1']);
    const ends = bench.server.records('a1').slice(6);
    expect(
      ends.map((record) =>
        record.kind === 'step' ? [record.step.number, record.step.outcome, record.step.reason] : record.kind,
      ),
    ).toEqual([
      [2, 'failure', 'runner-lost'],
      [3, 'cancelled', 'runner-lost'],
      [4, 'cancelled', 'runner-lost'],
      [5, 'skipped', 'runner-lost'],
      'job-finished',
    ]);
    expect(ends.at(-1)).toMatchObject({ lost: 'worker-crashed', conclusion: 'failure' });
  });

  it('says that its machine was restarted', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.die();
    bench.machine.worker('a1').die();
    bench.machine.boot++;
    await bench.revive();
    await bench.pass(1_000);
    expect(bench.server.records('a1').at(-1)).toMatchObject({ lost: 'runner-rebooted' });
  });

  it('seals no log of which the disk lost bytes that the server has', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    worker.write(stepRecord(1, 'running'), stepRecord(2, 'running'));
    worker.print(1, 'all of it');
    worker.print(2, 'all of it');
    await bench.pass(10_000);
    bench.die();
    worker.die();
    bench.machine.boot++;
    bench.machine.folder('a1').logs.set(1, Buffer.from('all'));
    await bench.revive();
    await bench.pass(1_000);
    const seals = bench.server.records('a1').filter(({ kind }) => kind === 'log-sealed');
    expect(seals).toMatchObject([{ step: 2, length: 9, cut: null }]);
    expect(bench.machine.folder('a1').meta.state).toBe('done');
  });

  it('ends what is not its own any more', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    await bench.startJob('a2');
    bench.server.fenceOff('a1');
    bench.server.attempts.delete('a2');
    await bench.restart();
    await bench.pass(0);
    expect(bench.machine.worker('a1').killed).toBe(true);
    expect(bench.machine.worker('a2').killed).toBe(true);
    expect(bench.said('the server has never heard of it')).toBe(true);
  });

  it('hears of a cancellation again', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.cancel('a1');
    await bench.pass(0);
    await bench.restart();
    await bench.pass(0);
    expect(bench.machine.worker('a1').heard).toEqual([
      { kind: 'cancel', cause: 'user' },
      { kind: 'cancel', cause: 'user' },
    ]);
  });
});

describe('a worker that dies', () => {
  it('keeps the results of the steps that ended, and the job is lost, not started again', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    worker.write(stepRecord(1, 'completed'), stepRecord(2, 'running'));
    worker.die();
    await bench.pass(1_000);
    expect(bench.machine.reaped).toEqual(['a1-1']);
    expect(bench.server.records('a1').map(({ kind }) => kind)).toEqual([
      'job-started',
      'step',
      'step',
      'step',
      'job-finished',
    ]);
    expect(bench.server.records('a1').at(-1)).toMatchObject({ lost: 'worker-crashed' });
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('has its leftovers ended before its slot is free', async () => {
    const bench = await new AgentBench({ slots: 1 }).start();
    await bench.startJob('a1');
    bench.machine.worker('a1').die();
    bench.server.offer('a2');
    await bench.pass(1_000);
    expect(bench.machine.reaped).toEqual(['a1-1']);
    expect(bench.machine.started('a2')).toBe(1);
  });

  it('before it could take its order is lost as well', async () => {
    const bench = await new AgentBench().start();
    const open = bench.server.gate('sync');
    await bench.startJob('a1');
    const [worker] = bench.machine.workers;
    worker!.beginError = new Error('EPIPE');
    open();
    await bench.pass(1_000);
    expect(bench.server.records('a1').at(-1)).toMatchObject({ lost: 'worker-crashed' });
  });

  it('has its end written again and again while the disk is full', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.machine.diskError = new Error('ENOSPC');
    bench.machine.worker('a1').die();
    await bench.pass(20_000);
    expect(bench.server.at('a1').state).toBe('running');
    bench.machine.diskError = null;
    await bench.pass(6_000);
    expect(bench.server.at('a1').state).toBe('finished');
  });
});

describe('what is kept of jobs', () => {
  it('is removed when its time is over', async () => {
    const bench = await new AgentBench({ keepJournalMs: 3_600_000 }).start();
    await bench.startJob('a1');
    await bench.finishJob('a1');
    await bench.pass(3_500_000);
    expect(bench.machine.disk.size).toBe(1);
    await bench.pass(200_000);
    expect(bench.machine.disk.size).toBe(0);
  });

  it('is removed at once where the machine can take no work for want of room', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    await bench.finishJob('a1');
    bench.health = { kind: 'disk', message: 'the disk is full' };
    await bench.pass(120_000);
    expect(bench.machine.disk.size).toBe(0);
  });

  it('is told again to a server that was restored from a backup', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.machine.worker('a1').print(1, 'hello\n');
    bench.machine.worker('a1').write(stepRecord(1, 'running'), stepRecord(1, 'completed'));
    await bench.finishJob('a1');
    await bench.pass(5_000);
    expect(bench.machine.folder('a1').meta.state).toBe('done');
    const stored = bench.server.at('a1');
    stored.texts = stored.texts.slice(0, 2);
    stored.hashes = stored.hashes.slice(0, 2);
    stored.logs.clear();
    stored.state = 'running';
    bench.server.incarnation = 'restored';
    bench.server.endSession(null);
    await bench.startJob('a2');
    await bench.pass(10_000);
    expect(stored.state).toBe('finished');
    expect(bench.server.log('a1', 1)).toBe('hello\n');
    expect(bench.machine.folder('a1').meta).toMatchObject({ state: 'done', incarnation: 'restored' });
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('whose logs were still on their way is told again as well', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const letThrough = bench.server.gate('appendLog');
    bench.machine.worker('a1').print(1, 'hello\n');
    bench.machine.worker('a1').write(stepRecord(1, 'running'), stepRecord(1, 'completed'));
    await bench.finishJob('a1');
    const stored = bench.server.at('a1');
    stored.texts = stored.texts.slice(0, 2);
    stored.hashes = stored.hashes.slice(0, 2);
    stored.state = 'running';
    bench.server.incarnation = 'restored';
    bench.server.endSession(null);
    letThrough();
    await bench.pass(10_000);
    expect(stored.state).toBe('finished');
    expect(bench.server.log('a1', 1)).toBe('hello\n');
    expect(bench.machine.folder('a1').meta.state).toBe('done');
  });

  it('is not told to a server that has not changed', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    await bench.finishJob('a1');
    await bench.restart();
    await bench.pass(100);
    expect(bench.server.sessions.at(-1)?.attempts).toEqual([]);
    expect(bench.server.sessions).toHaveLength(2);
  });

  it('that a restored server never heard of stays what it was', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    await bench.finishJob('a1');
    bench.server.attempts.clear();
    bench.server.incarnation = 'restored';
    await bench.restart();
    await bench.pass(1_000);
    expect(bench.machine.folder('a1').meta).toMatchObject({ state: 'done', incarnation: 'restored' });
    await bench.startJob('a2');
    expect(bench.machine.started('a2')).toBe(1);
  });
});
