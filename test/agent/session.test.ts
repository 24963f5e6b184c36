import { describe, expect, it } from '@jest/globals';
import { Backoff } from '../../src/agent/backoff.ts';
import { AgentBench } from './agent-harness.ts';
import { NETWORK, refusal } from './scripted-server.ts';

describe('the session', () => {
  it('is opened with a signed nonce and everything that is on the disk', async () => {
    const bench = await new AgentBench({ labels: ['self-hosted', 'gpu'] }).start();
    const [request] = bench.server.sessions;
    expect(request?.signature).toBe(`signed paceline-session\n${request?.nonce ?? ''}`);
    expect(request).toMatchObject({ slots: 2, labels: ['self-hosted', 'gpu'], attempts: [], bootId: 'boot-1' });
  });

  it('is opened again when its token has run out, and the job goes on', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.endSession(null);
    await bench.pass(20_000);
    expect(bench.server.sessions).toHaveLength(2);
    expect(bench.server.sessions[1]?.attempts).toMatchObject([{ attempt: 'a1', lastSeq: 1, finished: false }]);
    await bench.finishJob('a1');
    expect(bench.server.at('a1').state).toBe('finished');
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('that another agent of the runner took over ends this one, its jobs killed, in a clear sentence', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.endSession('somebody-else');
    await bench.pass(1_000);
    expect(bench.exit).toMatchObject({ kind: 'superseded', exitCode: 4 });
    expect(bench.exit?.message).toMatch(/Another agent of this runner was started; this one ends/);
    expect(bench.machine.worker('a1').killed).toBe(true);
    expect(bench.machine.reaped).toEqual(['a1-1']);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('is opened again when it was superseded by one of our own whose answer was lost', async () => {
    const bench = new AgentBench();
    bench.server.loseAnswer('openSession');
    await bench.start();
    await bench.pass(1_000);
    expect(bench.server.sessions).toHaveLength(2);
    // The request that was lost comes to the server once more, late.
    bench.server.endSession('ours-all-the-same');
    await bench.pass(1_000);
    expect(bench.exit).toBeNull();
    expect(bench.server.sessions).toHaveLength(3);
  });

  it('is waited for while another machine has the runner, and given up in time', async () => {
    const bench = new AgentBench();
    bench.server.fail('openSession', refusal('conflict', 'other-machine'), 1_000);
    await bench.start();
    await bench.pass(200_000);
    expect(bench.exit).toBeNull();
    await bench.pass(200_000);
    expect(bench.exit?.kind).toBe('other-machine');
    expect(bench.exit?.message).toMatch(/--takeover/);
  });

  it('that is refused for its version ends the agent and leaves its jobs to a newer one', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    bench.server.fail('openSession', refusal('unauthorized', 'version-too-old'));
    bench.server.endSession(null);
    await bench.pass(20_000);
    expect(bench.exit?.kind).toBe('refused');
    expect(bench.machine.worker('a1').dead).toBe(false);
  });

  it('of a runner that the server does not know ends the agent', async () => {
    const bench = new AgentBench();
    bench.server.fail('openSession', refusal('unauthorized', 'token-unknown'));
    await bench.start();
    expect(bench.exit).toMatchObject({ kind: 'refused', exitCode: 4 });
  });

  it('is tried again after a nonce that came too late', async () => {
    const bench = new AgentBench();
    bench.server.fail('openSession', refusal('unauthorized', 'token-expired'));
    await bench.start();
    await bench.pass(1_000);
    expect(bench.server.session).not.toBeNull();
  });

  it('waits as long as the server asks for', async () => {
    const bench = new AgentBench();
    bench.server.fail('nonce', refusal('unavailable', 'rate-limited', { retryAfterMs: 30_000 }));
    await bench.start();
    await bench.pass(29_000);
    expect(bench.server.sessions).toHaveLength(0);
    await bench.pass(1_000);
    expect(bench.server.sessions).toHaveLength(1);
  });

  it('is tried less and less often while the server is away', async () => {
    const bench = new AgentBench();
    bench.server.fail('nonce', NETWORK, 1_000);
    await bench.start();
    await bench.pass(600_000);
    const tries = bench.server.calls.map(({ at }) => at);
    expect(tries.length).toBeGreaterThan(10);
    expect(tries.length).toBeLessThan(25);
    expect(Math.max(...tries.slice(1).map((at, index) => at - (tries[index] ?? 0)))).toBeLessThanOrEqual(64_000);
  });
});

describe('back-off', () => {
  it('draws evenly from windows that double up to a limit, and waits each of them out', () => {
    const drawn = [0.25, 0.75, 0, 0.5];
    const backoff = new Backoff(() => drawn.shift() ?? 0, { firstMs: 1_000, lastMs: 4_000 });
    // Windows [0, 1000), [1000, 3000), [3000, 7000), [7000, 11000): the tries are at 250, 2500, 3000 and 9000.
    const waits = [backoff.next(), backoff.next(), backoff.next(), backoff.next()];
    expect(waits).toEqual([250, 2_250, 500, 6_000]);
  });

  it('waits no less than the server asks for, and begins anew after a success', () => {
    const backoff = new Backoff(() => 0.5, { firstMs: 1_000, lastMs: 4_000 });
    expect(backoff.next(9_000)).toBe(9_000);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });
});
