import { describe, expect, it } from '@jest/globals';
import { killTime } from '../../src/agent/lease.ts';
import { AgentBench } from './agent-harness.ts';
import { finishRecord, stepRecord } from './messages.ts';
import { NETWORK, refusal } from './scripted-server.ts';

describe('leases', () => {
  it('outlive renewals that fail for less than their time (actions/runner#4635)', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1', { policy: 'exclusive' });
    await bench.pass(15_000);
    bench.server.fail('sync', NETWORK, 4);
    await bench.pass(40_000);
    expect(bench.machine.worker('a1').dead).toBe(false);
    expect(bench.server.count('sync')).toBeGreaterThanOrEqual(7);
    await bench.finishJob('a1');
    expect(bench.server.at('a1').state).toBe('finished');
  });

  it('are tried again at least six times before they are over', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const before = bench.server.count('sync');
    bench.server.fail('sync', NETWORK, 1_000);
    await bench.pass(60_000);
    expect(bench.server.count('sync') - before).toBeGreaterThanOrEqual(6);
  });

  it('end an exclusive job before the server may give it to somebody else', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1', { policy: 'exclusive' });
    const worker = bench.machine.worker('a1');
    bench.server.fail('sync', NETWORK, 1_000);
    // The last renewal was sent at 0: killed at 60 s less 10 s, looked at twice a second.
    await bench.pass(49_900);
    expect(worker.dead).toBe(false);
    await bench.pass(700);
    expect(worker.killed).toBe(true);
    expect(bench.machine.reaped).toEqual(['a1-1']);
    bench.server.mend();
    await bench.pass(20_000);
    expect(bench.server.records('a1').at(-1)).toMatchObject({
      kind: 'job-finished',
      lost: 'lease-expired',
      reason: 'runner-lost',
    });
  });

  it('count from when the acknowledged renewal was sent, not from when its answer came', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1', { policy: 'exclusive' });
    const worker = bench.machine.worker('a1');
    await bench.pass(14_000);
    const open = bench.server.gate('sync');
    // Sent at 15 s, answered at 40 s.
    await bench.pass(26_000);
    bench.server.fail('sync', NETWORK, 1_000);
    open();
    await bench.pass(24_000);
    expect(worker.dead).toBe(false);
    await bench.pass(1_600);
    expect(worker.killed).toBe(true);
  });

  it('of an exclusive job are its worker’s as well: it ends by itself when its agent has died', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1', { policy: 'exclusive' });
    await bench.startJob('a2');
    const worker = bench.machine.worker('a1');
    expect(worker.order?.leaseMs).toBe(50_000);
    await bench.pass(30_000);
    expect(worker.heard).toEqual([
      { kind: 'lease', ms: 50_000 },
      { kind: 'lease', ms: 50_000 },
    ]);
    expect(bench.machine.worker('a2').order?.leaseMs).toBeUndefined();
    expect(bench.machine.worker('a2').heard).toEqual([]);
  });

  it('of short servers leave two thirds of their time', () => {
    expect(killTime(0, 60_000)).toBe(50_000);
    expect(killTime(1_000, 3_000)).toBe(3_000);
  });

  it('do not end a job that may go on through a partition; all of it arrives afterwards', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    bench.server.fail('sync', NETWORK, 10_000);
    bench.server.fail('appendLog', NETWORK, 10_000);
    worker.write(stepRecord(1, 'running'));
    worker.print(1, 'hello\n');
    await bench.pass(300_000);
    worker.write(stepRecord(1, 'completed'), finishRecord());
    worker.die();
    await bench.pass(100_000);
    expect(bench.server.at('a1').texts).toHaveLength(1);
    bench.server.mend();
    await bench.pass(70_000);
    expect(bench.server.at('a1').state).toBe('finished');
    expect(bench.server.log('a1', 1)).toBe('hello\n');
  });

  it('are renewed while logs and polls get no answer (hatchet-dev/hatchet#4784)', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1', { policy: 'exclusive' });
    bench.server.gate('poll');
    bench.server.gate('appendLog');
    bench.machine.worker('a1').print(1, 'x'.repeat(100));
    await bench.pass(600_000);
    expect(bench.machine.worker('a1').dead).toBe(false);
  });
});

describe('what the server says to a sync', () => {
  it('gap: it is sent from where the server is', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    worker.write(stepRecord(1, 'running'));
    await bench.pass(100);
    // The server lost its last record, as with a disk that lied.
    const stored = bench.server.at('a1');
    stored.texts.pop();
    stored.hashes.pop();
    worker.write(stepRecord(1, 'completed'));
    await bench.pass(1_000);
    expect(stored.texts).toHaveLength(3);
  });

  it('a lost answer: the same records are sent again, and stored once', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.loseAnswer('sync', 3);
    bench.machine.worker('a1').write(stepRecord(1, 'running'), stepRecord(1, 'completed'));
    await bench.pass(10_000);
    expect(bench.server.at('a1').texts).toHaveLength(3);
  });

  it.each([
    ['fenced', 'not this runner’s any more'],
    ['fork', 'another record of the same number'],
  ] as const)('%s: the tree is killed, the journal kept, the slot free', async (result, text) => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const stored = bench.server.at('a1');
    if (result === 'fenced') stored.fence = 99;
    else stored.hashes[0] = 'f'.repeat(32);
    bench.machine.worker('a1').write(stepRecord(1, 'running'));
    await bench.pass(200);
    expect(bench.machine.worker('a1').killed).toBe(true);
    expect(bench.machine.reaped).toEqual(['a1-1']);
    expect(bench.said(text)).toBe(true);
    expect(bench.machine.folder('a1').meta.state).toBe('ended');
    expect(bench.machine.folder('a1').texts).toHaveLength(2);
    expect(bench.server.polls.at(-1)).toMatchObject({ freeSlots: 2, holding: [] });
  });

  it('fenced, told by a poll: the tree is gone at once', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.fenceOff('a1');
    await bench.pass(0);
    expect(bench.machine.worker('a1').killed).toBe(true);
  });

  it('too large: less is sent at a time', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.fail('sync', refusal('invalid', 'too-large'), 2);
    const worker = bench.machine.worker('a1');
    for (let step = 1; step <= 40; step++) worker.write(stepRecord(step, 'completed', { summary: 'x'.repeat(20_000) }));
    await bench.pass(20_000);
    expect(bench.server.at('a1').texts).toHaveLength(41);
    expect(bench.server.syncs.map(({ attempts }) => attempts[0]?.records.length)).not.toContain(40);
  });
});
