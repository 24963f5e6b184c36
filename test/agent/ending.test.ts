import { describe, expect, it } from '@jest/globals';
import { settle } from '../support/fake-clock.ts';
import { AgentBench } from './agent-harness.ts';
import { finishRecord, stepRecord } from './messages.ts';
import { NETWORK } from './scripted-server.ts';

describe('cancelling a job', () => {
  it('asks its worker at once, once', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.cancel('a1', 'fail-fast');
    await bench.pass(60_000);
    expect(bench.machine.worker('a1').heard).toEqual([{ kind: 'cancel', cause: 'fail-fast' }]);
    expect(bench.server.polls.at(-1)?.holding).toMatchObject([{ attempt: 'a1', cancelling: true }]);
  });

  it('is heard of by the next sync when polls get no answer', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.gate('poll');
    bench.server.cancel('a1');
    await bench.pass(15_000);
    expect(bench.machine.worker('a1').heard).toEqual([{ kind: 'cancel', cause: 'user' }]);
  });

  it('by force comes after one that asked, and the first cause stands', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.cancel('a1', 'concurrency');
    await bench.pass(0);
    bench.server.cancel('a1', 'user', true);
    await bench.pass(15_000);
    const worker = bench.machine.worker('a1');
    expect(worker.heard).toEqual([{ kind: 'cancel', cause: 'concurrency' }, { kind: 'kill' }]);
    await bench.pass(60_000);
    expect(worker.killed).toBe(true);
    expect(bench.server.records('a1').at(-1)).toMatchObject({
      conclusion: 'cancelled',
      reason: 'concurrency',
      lost: null,
    });
  });

  it('kills a worker that does not come to its end in time', async () => {
    const bench = await new AgentBench({ cancelTimeoutMs: 10_000 }).start();
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    worker.write(stepRecord(1, 'cancelling'));
    bench.server.cancel('a1');
    await bench.pass(9_900);
    expect(worker.dead).toBe(false);
    await bench.pass(1_000);
    expect(worker.killed).toBe(true);
    expect(bench.machine.reaped).toEqual(['a1-1']);
    const last = bench.server.records('a1').at(-1);
    expect(last).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-user', lost: null });
  });

  it('that comes before the start is acknowledged starts no worker', async () => {
    const bench = await new AgentBench().start();
    bench.server.fail('sync', NETWORK, 2);
    await bench.startJob('a1');
    bench.server.cancel('a1');
    await bench.pass(10_000);
    expect(bench.machine.started('a1')).toBe(0);
    expect(bench.server.records('a1').at(-1)).toMatchObject({
      kind: 'job-finished',
      conclusion: 'cancelled',
      lost: null,
    });
    expect(bench.server.polls.at(-1)?.freeSlots).toBe(2);
  });

  it('that meets a worker at its end changes nothing', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.cancel('a1');
    await bench.finishJob('a1', 'success');
    expect(bench.server.records('a1').at(-1)).toMatchObject({ conclusion: 'success' });
  });
});

describe('draining', () => {
  it('of an idle agent ends it at once, with the server told', async () => {
    const bench = await new AgentBench().start();
    bench.agent.drain();
    await bench.pass(0);
    expect(bench.exit).toMatchObject({ kind: 'drained', exitCode: 0, unsent: false });
    expect(bench.server.drained).toBe(1);
    expect(bench.server.closed).toHaveLength(1);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('lets jobs end, takes no more, and still hears of cancellations', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.agent.drain();
    await bench.pass(0);
    await bench.startJob('a2');
    expect(bench.machine.started('a2')).toBe(0);
    bench.server.cancel('a1');
    await bench.pass(0);
    expect(bench.machine.worker('a1').heard).toHaveLength(1);
    await bench.pass(60_000);
    expect(bench.exit).toBeNull();
    await bench.finishJob('a1', 'cancelled');
    expect(bench.exit).toMatchObject({ kind: 'drained', unsent: false });
    expect(bench.server.at('a1').state).toBe('finished');
    expect(bench.server.at('a2').state).toBe('queued');
  });

  it('that outlasts its time cancels the jobs, post steps included', async () => {
    const bench = await new AgentBench({ drainTimeoutMs: 30_000 }).start();
    await bench.startJob('a1');
    bench.agent.drain();
    await bench.pass(29_000);
    expect(bench.machine.worker('a1').heard).toEqual([]);
    await bench.pass(2_000);
    expect(bench.machine.worker('a1').heard).toEqual([{ kind: 'cancel', cause: 'shutdown' }]);
    await bench.finishJob('a1', 'failure');
    expect(bench.exit).toMatchObject({ kind: 'cancelled', exitCode: 3 });
  });

  it('asked for a second time cancels at once, a third time kills', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.agent.drain();
    await bench.pass(0);
    bench.agent.cancel();
    await bench.pass(0);
    const worker = bench.machine.worker('a1');
    expect(worker.heard).toEqual([{ kind: 'cancel', cause: 'shutdown' }]);
    bench.agent.kill();
    await bench.pass(200);
    expect(worker.killed).toBe(true);
    expect(bench.server.records('a1').at(-1)).toMatchObject({ conclusion: 'failure', lost: 'runner-died' });
    expect(bench.exit).toMatchObject({ kind: 'killed', exitCode: 3 });
  });

  it('accepts what the server had accepted before it heard of the drain, and runs it', async () => {
    const bench = await new AgentBench().start();
    const open = bench.server.gate('accept');
    await bench.startJob('a1');
    bench.agent.drain();
    await bench.pass(0);
    expect(bench.exit).toBeNull();
    // The accept was under way; the server took it before the drain.
    bench.server.at('a1').state = 'accepted';
    open();
    await bench.pass(0);
    expect(bench.machine.started('a1')).toBe(1);
    await bench.finishJob('a1');
    expect(bench.exit?.kind).toBe('drained');
  });

  it('starts nothing that the drain withdrew', async () => {
    const bench = await new AgentBench().start();
    const open = bench.server.gate('accept');
    await bench.startJob('a1');
    bench.agent.drain();
    await bench.pass(0);
    open();
    await bench.pass(0);
    expect(bench.exit?.kind).toBe('drained');
    expect(bench.machine.started('a1')).toBe(0);
    expect(bench.server.at('a1').state).toBe('queued');
  });

  it('and an offer, whichever way they meet, never end in an agent that is gone and a job that it has (actions/runner#4076)', async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 1_000; seed++) {
      const random = seeded(seed);
      const bench = await new AgentBench().start();
      const open = [bench.server.gate('accept'), bench.server.gate('drain'), bench.server.gate('sync')];
      const acts = [() => void bench.server.offer('a1'), () => bench.agent.drain(), ...open];
      while (acts.length > 0) {
        acts.splice(Math.floor(random() * acts.length), 1)[0]?.();
        for (let turn = Math.floor(random() * 8); turn > 0; turn--) await Promise.resolve();
        if (random() < 0.3) await settle();
      }
      await bench.pass(10_000);
      if (bench.machine.started('a1') > 0) await bench.finishJob('a1');
      await bench.pass(130_000);
      expect([seed, bench.exit?.kind]).toEqual([seed, 'drained']);
      const { state } = bench.server.at('a1');
      outcomes.add(state);
      expect([seed, state, ['queued', 'declined', 'finished'].includes(state)]).toEqual([seed, state, true]);
    }
    expect(outcomes).toContain('queued');
    expect(outcomes).toContain('finished');
  });

  it('before the first session ends the agent soon', async () => {
    const bench = new AgentBench();
    bench.server.fail('nonce', NETWORK, 1_000);
    await bench.start();
    bench.agent.drain();
    await bench.pass(5_000);
    expect(bench.exit?.kind).toBe('drained');
  });

  it('sends results and logs until its time for that is over, and says what is left', async () => {
    const bench = await new AgentBench({ flushTimeoutMs: 60_000 }).start();
    await bench.startJob('a1');
    bench.machine.worker('a1').print(1, 'abc');
    bench.server.fail('appendLog', NETWORK, 10_000);
    await bench.finishJob('a1');
    bench.agent.drain();
    await bench.pass(59_000);
    expect(bench.exit).toBeNull();
    await bench.pass(2_000);
    expect(bench.exit).toMatchObject({ kind: 'drained', unsent: true });
    bench.server.mend();
    await bench.restart();
    await bench.pass(5_000);
    expect(bench.server.log('a1', 1)).toBe('abc');
  });

  it('asked for at any moment of a job loses nothing of it', async () => {
    for (let moment = 2; moment <= 12; moment++) {
      const bench = await new AgentBench().start();
      const acts = [
        () => bench.startJob('a1'),
        () => now(() => bench.machine.worker('a1').write(stepRecord(1, 'running'))),
        () => bench.pass(50),
        () => bench.pass(50),
        () => now(() => bench.machine.worker('a1').print(1, 'out\n')),
        () => now(() => bench.machine.worker('a1').write(stepRecord(1, 'completed'))),
        () => bench.pass(100),
        () => now(() => bench.machine.worker('a1').write(finishRecord())),
        () => bench.pass(0),
        () => now(() => bench.machine.worker('a1').die()),
        () => bench.pass(0),
      ];
      for (const [index, act] of acts.entries()) {
        if (index + 1 === moment) bench.agent.drain();
        await act();
      }
      if (moment > acts.length) bench.agent.drain();
      await bench.pass(130_000);
      expect([moment, bench.exit?.kind, bench.exit?.unsent]).toEqual([moment, 'drained', false]);
      expect([moment, bench.server.log('a1', 1)]).toEqual([moment, 'out\n']);
      expect(bench.clock.pendingTimers).toBe(0);
    }
  });
});

describe('an ephemeral agent', () => {
  it('takes one job whatever its slots, then ends', async () => {
    const bench = await new AgentBench({ ephemeral: true, slots: 4 }).start();
    await bench.startJob('a1');
    await bench.startJob('a2');
    expect(bench.machine.started('a2')).toBe(0);
    await bench.finishJob('a1');
    expect(bench.exit).toMatchObject({ kind: 'consumed', exitCode: 0, unsent: false });
  });

  it('sends its logs before it ends', async () => {
    const bench = await new AgentBench({ ephemeral: true }).start();
    await bench.startJob('a1');
    bench.machine.worker('a1').print(1, 'abc');
    bench.server.fail('appendLog', NETWORK, 3);
    await bench.finishJob('a1');
    await bench.pass(30_000);
    expect(bench.exit?.kind).toBe('consumed');
    expect(bench.server.log('a1', 1)).toBe('abc');
  });

  it('is not consumed by a job that it had to give back', async () => {
    const bench = await new AgentBench({ ephemeral: true }).start();
    bench.machine.diskError = new Error('ENOSPC');
    await bench.startJob('a1');
    bench.machine.diskError = null;
    expect(bench.exit).toBeNull();
    await bench.startJob('a2');
    expect(bench.machine.started('a2')).toBe(1);
  });

  it('ends when it had no job for the configured time', async () => {
    const bench = await new AgentBench({ ephemeral: true, idleTimeoutMs: 60_000 }).start();
    await bench.pass(59_000);
    expect(bench.exit).toBeNull();
    await bench.pass(1_100);
    expect(bench.exit).toMatchObject({ kind: 'idle', exitCode: 0 });
  });
});

describe('the server', () => {
  it('can tell an agent to leave, when its jobs have ended', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.leave = true;
    bench.server.wake();
    await bench.pass(5_000);
    expect(bench.exit).toBeNull();
    await bench.finishJob('a1');
    expect(bench.exit).toMatchObject({ kind: 'left', exitCode: 0 });
  });
});

describe('time without a job', () => {
  it('counts from the end of the last one', async () => {
    const bench = await new AgentBench({ idleTimeoutMs: 60_000 }).start();
    await bench.pass(50_000);
    await bench.startJob('a1');
    await bench.pass(100_000);
    await bench.finishJob('a1');
    await bench.pass(59_000);
    expect(bench.exit).toBeNull();
    await bench.pass(2_000);
    expect(bench.exit?.kind).toBe('idle');
  });
});

function now(act: () => void): Promise<void> {
  act();
  return Promise.resolve();
}

/** The same numbers for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
