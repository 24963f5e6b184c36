/** A server, or what stands in its place, that says what cannot be: the agent runs nothing it did not accept, and lives. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { openHttpApi } from '../../src/agent/http-api.ts';
import type { PollReply, UnsealedMessage } from '../../src/protocol/agent-api.ts';
import { DIRECT } from '../support/direct-network.ts';
import { AgentBench } from './agent-harness.ts';
import { stepRecord, unsealedMessage } from './messages.ts';

const MINUTE_MS = 60_000;
const NOTHING: PollReply = { offers: [], cancels: [], fenced: [], paused: false, leave: false };

/** Lets the server answer the next call once with something of the test's own; whether that has happened. */
function answerOnce(bench: AgentBench, call: 'poll' | 'sync', value: object): () => boolean {
  const server = bench.server as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const honest = server[call]!.bind(bench.server);
  let told = false;
  server[call] = () => {
    server[call] = honest;
    told = true;
    return Promise.resolve({ ok: true, value });
  };
  return () => told;
}

describe('a server that lies', () => {
  it('with an answer that has no end gets none of the agent’s memory for it', async () => {
    const block = Buffer.alloc(1024 * 1024, ' ');
    let sent = 0;
    const server = createServer((_request, response) => {
      response.writeHead(201, { 'content-type': 'application/json' });
      const more = (): void => {
        while (!response.destroyed && response.write(block)) sent += block.length;
        sent += block.length;
      };
      response.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const api = await openHttpApi(url, DIRECT, '0.1.0');
    try {
      expect(await api.nonce()).toMatchObject({
        ok: false,
        error: { code: 'unavailable', reason: 'network', message: expect.stringContaining('no end') },
      });
      expect(sent).toBeLessThan(80 * block.length);
    } finally {
      await api.close();
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
    }
  });

  it('by offering one repository and sending another is told that this one is not taken', async () => {
    const bench = await new AgentBench({ allowRepositories: ['octo/*'] }).start();
    const checkout = { ...unsealedMessage().checkout!, repository: 'evil/app' };
    bench.server.message = { ...unsealedMessage(), checkout };
    await bench.startJob('a1', { repository: 'octo/app' });
    expect(bench.machine.started('a1')).toBe(0);
    expect(bench.server.at('a1').declines).toEqual([{ reason: 'this runner takes no jobs of evil/app', final: true }]);
    bench.server.message = unsealedMessage();
    await bench.startJob('a2', { repository: 'octo/app' });
    expect(bench.machine.started('a2')).toBe(1);
  });

  it('by sending no message worth the name is given the job back', async () => {
    const bench = await new AgentBench().start();
    for (const [index, message] of [{}, { checkout: 5, contexts: 7 }, { timeoutMinutes: 'x' }].entries()) {
      bench.server.message = message as unknown as UnsealedMessage;
      await bench.startJob(`odd${index}`);
    }
    expect(bench.failure).toBeNull();
    bench.server.message = unsealedMessage();
    await bench.pass(1_000);
    expect(bench.exit).toBeNull();
  });

  it('about attempts that nobody has changes nothing of those there are', async () => {
    const bench = await new AgentBench().start();
    const cancels = ['a1', 'b1', '../../etc', '__proto__'].map(
      (attempt) => ({ attempt, fence: 99, cause: 'user', force: true }) as const,
    );
    const isTold = answerOnce(bench, 'poll', { ...NOTHING, cancels, fenced: ['b1', '__proto__', 'constructor'] });
    await bench.startJob('a1');
    await bench.pass(2_000);
    expect(isTold()).toBe(true);
    expect(bench.machine.worker('a1').heard).toEqual([]);
    await bench.finishJob('a1');
    expect(bench.server.at('a1').state).toBe('finished');
  });

  it('with thousands of offers at once is declined, but for what there is room for', async () => {
    const bench = new AgentBench({ slots: 2 });
    const offers = Array.from({ length: 3_000 }, (_, index) => ({
      ...{ attempt: `x${index}`, fence: 1, run: 1, job: 'build', repository: null, expiresMs: 30_000 },
    }));
    for (const { attempt } of offers) bench.server.offer(attempt).state = 'declined';
    const isTold = answerOnce(bench, 'poll', { ...NOTHING, offers });
    await bench.start();
    await bench.pass(10_000);
    expect(isTold()).toBe(true);
    expect(bench.server.count('decline')).toBe(2_998);
    expect(bench.machine.workers.filter(({ order }) => order !== null)).toEqual([]);
    expect(bench.server.polls.at(-1)?.freeSlots).toBe(2);
    await bench.startJob('a1');
    expect(bench.machine.started('a1')).toBe(1);
  });

  it('about what it has stored, and for how long a lease lasts, does not stop the agent', async () => {
    const bench = await new AgentBench().start();
    await bench.startJob('a1');
    const absurd = Number.MAX_SAFE_INTEGER;
    const answer = { attempt: 'a1', result: 'ok', ack: absurd, cancel: null, live: true };
    const isTold = answerOnce(bench, 'sync', {
      attempts: [answer, { ...answer, attempt: 'b1' }],
      leaseMs: 0,
      logIntervalMs: absurd,
    });
    bench.machine.worker('a1').write(stepRecord(1, 'running'));
    await bench.pass(MINUTE_MS);
    expect(isTold()).toBe(true);
    expect(bench.failure).toBeNull();
    await bench.startJob('a2');
    expect(bench.machine.started('a2')).toBe(1);
    await bench.finishJob('a2');
    expect(bench.server.at('a2').state).toBe('finished');
  });
});

describe('a worker that does not keep the time limit of its job', () => {
  it('is asked to end the job, then killed, and the job has timed out', async () => {
    const bench = await new AgentBench({ cancelTimeoutMs: 10_000 }).start();
    bench.server.message = { ...unsealedMessage(), timeoutMinutes: 5 };
    await bench.startJob('a1');
    const worker = bench.machine.worker('a1');
    await bench.pass(5 * MINUTE_MS + 29_000);
    expect(worker.heard).toEqual([]);
    await bench.pass(2_000);
    expect(worker.heard).toEqual([{ kind: 'cancel', cause: 'timeout' }]);
    await bench.pass(11_000);
    expect(worker.killed).toBe(true);
    const last = bench.server.records('a1').at(-1);
    expect(last).toMatchObject({ conclusion: 'cancelled', reason: 'timed-out', lost: null });
  });

  it('that outlived its agent is asked by the next one', async () => {
    const bench = await new AgentBench({ cancelTimeoutMs: 10_000 }).start();
    bench.server.message = { ...unsealedMessage(), timeoutMinutes: 5 };
    await bench.startJob('a1');
    await bench.restart();
    await bench.pass(6 * MINUTE_MS);
    expect(bench.machine.worker('a1').killed).toBe(true);
  });
});
