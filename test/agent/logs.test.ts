import { describe, expect, it } from '@jest/globals';
import { CHUNK_BYTES } from '../../src/agent/upload-loop.ts';
import { AgentBench } from './agent-harness.ts';
import { finishRecord } from './messages.ts';
import { NETWORK, refusal } from './scripted-server.ts';

async function jobThatPrints({ features = [] }: { features?: string[] } = {}): Promise<AgentBench> {
  const bench = new AgentBench();
  bench.server.features = features;
  await bench.start();
  await bench.startJob('a1');
  return bench;
}

describe('logs', () => {
  it('that nobody watches are sent as often as the server wants', async () => {
    const bench = await jobThatPrints();
    const worker = bench.machine.worker('a1');
    for (let second = 0; second < 30; second++) {
      worker.print(1, `${second}\n`);
      await bench.pass(1_000);
    }
    expect(bench.server.chunks.length).toBeGreaterThanOrEqual(8);
    expect(bench.server.chunks.length).toBeLessThanOrEqual(12);
  });

  it('that somebody watches are sent at once', async () => {
    const bench = await jobThatPrints();
    bench.server.at('a1').live = true;
    await bench.pass(15_000);
    bench.machine.worker('a1').print(1, 'now\n');
    await bench.pass(100);
    expect(bench.server.log('a1', 1)).toBe('now\n');
  });

  it('are sent in chunks of a megabyte at most, in order', async () => {
    const bench = await jobThatPrints();
    const text = 'x'.repeat(2.5 * CHUNK_BYTES);
    bench.machine.worker('a1').print(1, text);
    await bench.pass(10_000);
    expect(bench.server.chunks.map(({ bytes }) => bytes.length)).toEqual([CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES / 2]);
    expect(bench.server.log('a1', 1)).toBe(text);
  });

  it('of many steps have four requests at a time', async () => {
    const bench = await jobThatPrints();
    const open = bench.server.gate('appendLog');
    for (let step = 1; step <= 10; step++) bench.machine.worker('a1').print(step, 'x');
    await bench.pass(10_000);
    expect(bench.server.count('appendLog')).toBe(4);
    open();
    await bench.pass(10_000);
    for (let step = 1; step <= 10; step++) expect(bench.server.log('a1', step)).toBe('x');
  });

  it('of many steps go in one request where the server takes them so', async () => {
    const bench = await jobThatPrints({ features: ['log-batches'] });
    for (let step = 1; step <= 150; step++) bench.machine.worker('a1').print(step, `of ${step}`);
    await bench.pass(10_000);
    expect(bench.server.count('appendLogs')).toBe(2);
    expect(bench.server.count('appendLog')).toBe(0);
    for (let step = 1; step <= 150; step++) expect(bench.server.log('a1', step)).toBe(`of ${step}`);
  });

  it('go alone where one fills a request', async () => {
    const bench = await jobThatPrints({ features: ['log-batches'] });
    for (const step of [1, 2]) bench.machine.worker('a1').print(step, 'x'.repeat(CHUNK_BYTES));
    await bench.pass(10_000);
    expect(bench.server.count('appendLog')).toBe(2);
  });

  it('in one request are each answered for itself', async () => {
    const bench = await jobThatPrints({ features: ['log-batches'] });
    bench.server.at('a1').logs.set(1, Buffer.from('a'));
    for (const step of [1, 2]) bench.machine.worker('a1').print(step, 'abc');
    await bench.pass(20_000);
    expect([1, 2].map((step) => bench.server.log('a1', step))).toEqual(['abc', 'abc']);
  });

  it.each([
    ['of a network', NETWORK, 0],
    ['of a server that does not take several', refusal('invalid', 'too-large'), 2],
  ])('in one request are sent again after an error %s', async (_what, error, alone) => {
    const bench = await jobThatPrints({ features: ['log-batches'] });
    bench.server.fail('appendLogs', error);
    for (const step of [1, 2]) bench.machine.worker('a1').print(step, 'abc');
    await bench.pass(30_000);
    expect([1, 2].map((step) => bench.server.log('a1', step))).toEqual(['abc', 'abc']);
    expect(bench.server.count('appendLog')).toBe(alone);
  });

  it('go on at the offset that the server says', async () => {
    const bench = await jobThatPrints();
    bench.server.loseAnswer('appendLog');
    bench.machine.worker('a1').print(1, 'abc');
    await bench.pass(5_000);
    bench.machine.worker('a1').print(1, 'def');
    await bench.pass(5_000);
    expect(bench.server.log('a1', 1)).toBe('abcdef');
  });

  it('are kept until they are durable, and sent again when the server lost them', async () => {
    const bench = await jobThatPrints();
    bench.server.at('a1').durable.set(1, 0);
    bench.machine.worker('a1').print(1, 'abc');
    await bench.finishJob('a1');
    await bench.pass(3_000);
    expect(bench.server.log('a1', 1)).toBe('abc');
    expect(bench.machine.folder('a1').meta.state).toBe('started');
    bench.server.at('a1').logs.delete(1);
    bench.server.at('a1').durable.delete(1);
    await bench.pass(3_000);
    expect(bench.server.log('a1', 1)).toBe('abc');
    expect(bench.machine.folder('a1').meta.state).toBe('done');
  });

  it('never hold up a result: the slot is free while they still go up', async () => {
    const bench = await jobThatPrints();
    bench.server.fail('appendLog', NETWORK, 1_000);
    bench.machine.worker('a1').print(1, 'abc');
    await bench.finishJob('a1');
    expect(bench.server.at('a1').state).toBe('finished');
    expect(bench.server.polls.at(-1)).toMatchObject({ freeSlots: 2, holding: [] });
    bench.server.mend();
    await bench.pass(70_000);
    expect(bench.server.log('a1', 1)).toBe('abc');
  });

  it('wait where the disk of the server is full, results do not', async () => {
    const bench = await jobThatPrints();
    bench.server.fail('appendLog', refusal('unavailable', 'disk-full'), 1);
    bench.machine.worker('a1').print(1, 'abc');
    bench.machine.worker('a1').print(2, 'other');
    await bench.finishJob('a1');
    expect(bench.server.at('a1').state).toBe('finished');
    await bench.pass(5_000);
    expect([bench.server.log('a1', 1), bench.server.log('a1', 2)]).toContain('');
    await bench.pass(60_000);
    expect(bench.server.log('a1', 1)).toBe('abc');
    expect(bench.server.log('a1', 2)).toBe('other');
  });

  it.each(['too-large', 'sealed'] as const)('end where the server says %s', async (reason) => {
    const bench = await jobThatPrints();
    bench.server.fail('appendLog', refusal('conflict', reason));
    bench.machine.worker('a1').print(1, 'abc');
    await bench.finishJob('a1');
    await bench.pass(5_000);
    expect(bench.server.count('appendLog')).toBe(1);
    expect(bench.machine.folder('a1').meta.state).toBe('done');
  });

  it('are told of by their length with each sync', async () => {
    const bench = await jobThatPrints();
    bench.machine.worker('a1').print(3, 'abc');
    await bench.pass(15_000);
    expect(bench.server.syncs.at(-1)?.attempts[0]?.logs).toEqual([{ step: 3, length: 3 }]);
  });

  it('that cannot be read are given up, and the job is done all the same', async () => {
    const bench = await jobThatPrints();
    const worker = bench.machine.worker('a1');
    worker.print(1, 'abc');
    bench.machine.folder('a1').logs.set(1, Buffer.alloc(0));
    worker.write(finishRecord());
    worker.die();
    await bench.pass(10_000);
    expect(bench.said('log is not sent')).toBe(true);
    expect(bench.machine.folder('a1').meta.state).toBe('done');
  });
});
