import { describe, expect, it } from '@jest/globals';
import { AgentBench } from './agent-harness.ts';
import { finishRecord, stepRecord } from './messages.ts';
import { NETWORK } from './scripted-server.ts';

describe('taking work', () => {
  it('runs a job from offer to result, and frees the slot', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    expect(worker.order?.message.contexts.secrets).toEqual({ TOKEN: 'hunter2' });
    expect(worker.order?.checkout?.token).toBe('clone');
    worker.write(stepRecord(1, 'running'), stepRecord(1, 'completed'));
    await bench.finishJob('a1');
    expect(bench.server.records('a1').map(({ kind }) => kind)).toEqual(['job-started', 'step', 'step', 'job-finished']);
    expect(bench.server.at('a1').state).toBe('finished');
    expect(bench.server.polls.at(-1)?.freeSlots).toBe(2);
    expect(bench.machine.folder('a1').meta.state).toBe('done');
  });

  it('gives a worker its order only when the server has acknowledged the start', async () => {
    const bench = await new AgentBench().start();
    bench.server.fail('sync', NETWORK, 3);
    await bench.startJob('a1');
    expect(bench.machine.started('a1')).toBe(0);
    await bench.pass(10_000);
    expect(bench.machine.started('a1')).toBe(1);
    expect(bench.server.at('a1').texts).toHaveLength(1);
  });

  it('keeps no secret on the disk', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    expect(JSON.stringify([...bench.machine.disk])).not.toMatch(/hunter2|clone/);
  });

  it('asks for work for all slots with one poll', async () => {
    const bench = await new AgentBench({ slots: 3 }).start();
    for (const id of ['a1', 'a2', 'a3', 'a4']) bench.server.offer(id);
    await bench.pass(0);
    expect(['a1', 'a2', 'a3', 'a4'].map((id) => bench.machine.started(id))).toEqual([1, 1, 1, 0]);
    expect(bench.machine.workers.map(({ order }) => order?.slot)).toEqual([0, 1, 2]);
    await bench.finishJob('a2');
    expect(bench.machine.worker('a4').order?.slot).toBe(1);
  });

  it('declines for good what its allow-list does not have, without asking for the message', async () => {
    const bench = await new AgentBench({ allowRepositories: ['octo/*'] }).start();
    bench.server.offer('a1', { repository: 'evil/app' });
    bench.server.offer('a2', { repository: 'Octo/App' });
    await bench.pass(0);
    expect(bench.server.at('a1').declines).toEqual([{ reason: 'this runner takes no jobs of evil/app', final: true }]);
    expect(bench.server.at('a1').accepts).toBe(0);
    expect(bench.machine.started('a2')).toBe(1);
  });

  it('polls on when an accept is answered with a conflict (actions/runner#4617)', async () => {
    const bench = await new AgentBench({ ephemeral: true }).start();
    const open = bench.server.gate('accept');
    await bench.startJob('a1');
    bench.server.at('a1').state = 'finished';
    open();
    await bench.pass(0);
    expect(bench.exit).toBeNull();
    await bench.pass(1_000);
    await bench.startJob('a2');
    expect(bench.machine.started('a2')).toBe(1);
    expect(bench.machine.workers[0]?.dead).toBe(true);
  });

  it('asks again for an accept whose answer was lost, and starts the job once', async () => {
    const bench = await new AgentBench().start();
    bench.server.loseAnswer('accept', 2);
    await bench.startJob('a1');
    await bench.pass(5_000);
    expect(bench.server.at('a1').accepts).toBe(3);
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('gets an offer again whose answer was lost', async () => {
    const bench = new AgentBench();
    bench.server.loseAnswer('poll');
    await bench.start();
    await bench.startJob('a1');
    expect(bench.machine.started('a1')).toBe(0);
    await bench.pass(1_000);
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('gives a job back that its disk does not take', async () => {
    const bench = await new AgentBench().start();
    bench.machine.diskError = new Error('ENOSPC');
    await bench.startJob('a1');
    expect(bench.server.at('a1').declines).toMatchObject([{ final: false }]);
    expect(bench.machine.workers[0]?.dead).toBe(true);
    bench.machine.diskError = null;
    await bench.startJob('a2');
    expect(bench.machine.started('a2')).toBe(1);
  });

  it('gives a job back for which no process can be started', async () => {
    const bench = await new AgentBench().start();
    bench.machine.spawnError = new Error('EAGAIN');
    await bench.startJob('a1');
    expect(bench.server.at('a1').declines).toEqual([
      { reason: 'no worker can be started: Error: EAGAIN', final: false },
    ]);
    expect(bench.server.polls.at(-1)?.freeSlots).toBe(2);
  });

  it('takes no work while it is unhealthy, and takes it again', async () => {
    const bench = new AgentBench();
    bench.health = { kind: 'script', message: 'the script says no' };
    await bench.start();
    await bench.startJob('a1');
    expect(bench.server.polls.at(-1)).toMatchObject({ freeSlots: 0, takesWork: false });
    expect(bench.server.polls.at(-1)).not.toHaveProperty('note');
    expect(bench.statuses.at(-1)?.state).toBe('connecting');
    bench.health = null;
    await bench.pass(30_000);
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('says why it takes no work, to a server that can do something with it', async () => {
    const bench = new AgentBench();
    bench.server.features = ['poll-notes'];
    bench.health = { kind: 'script', message: 'the script says no' };
    await bench.start();
    expect(bench.server.polls.at(-1)).toMatchObject({ takesWork: false, note: 'the script says no' });
    bench.health = { kind: 'disk', message: 'the disk is full' };
    await bench.pass(30_000);
    expect(bench.server.polls.at(-1)).toMatchObject({ takesWork: false, note: 'the disk is full' });
    bench.health = null;
    await bench.pass(30_000);
    expect(bench.server.polls.at(-1)).toMatchObject({ takesWork: true });
    expect(bench.server.polls.at(-1)).not.toHaveProperty('note');
  });

  it('ignores an offer whose id cannot be the name of a folder', async () => {
    const bench = await new AgentBench().start();
    bench.server.offer('../../etc');
    await bench.pass(2_000);
    expect(bench.server.count('accept')).toBe(0);
    expect(bench.said('cannot be a folder')).toBe(true);
  });

  it('does not ask again at once when a server answers at once and has nothing new', async () => {
    const bench = await new AgentBench().start();
    bench.server.offer('../../etc');
    await bench.pass(10_000);
    expect(bench.server.count('poll')).toBeLessThan(15);
  });

  it('reports the first records of a job at once, and what it goes on to write together', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const before = bench.server.count('sync');
    const worker = bench.machine.worker('a1');
    worker.write(stepRecord(1, 'running'));
    await bench.pass(1);
    expect(bench.server.at('a1').texts).toHaveLength(2);
    for (let step = 1; step <= 100; step++) {
      worker.write(stepRecord(step, 'completed'), stepRecord(step + 1, 'running'));
      await bench.pass(10);
    }
    await bench.pass(100);
    expect(bench.server.count('sync')).toBeLessThanOrEqual(before + 5 + 11);
    expect(bench.server.at('a1').texts).toHaveLength(202);
  });

  it('renews the leases of all jobs in one call when there is nothing to tell', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    await bench.startJob('a2');
    const before = bench.server.count('sync');
    await bench.pass(60_000);
    expect(bench.server.count('sync')).toBe(before + 4);
    expect(bench.server.syncs.at(-1)?.attempts.map(({ records }) => records)).toEqual([[], []]);
  });

  it('kills a worker that has written its last record and does not end', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    worker.write(finishRecord());
    await bench.pass(5_100);
    expect(worker.killed).toBe(true);
    await bench.pass(0);
    expect(bench.machine.folder('a1').meta.state).toBe('done');
  });
});
