import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { describeDatabases } from '../../support/postgres.ts';
import { KnownLogs } from '../../../src/server/logs/known-logs.ts';
import { SealChecks } from '../../../src/server/logs/seal-checks.ts';
import { NO_METRICS } from '../../../src/server/observe/metrics.ts';
import { append, ATTEMPT, durable, type LogBench, openBench, readAll, recorder, seal } from './log-harness.ts';

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describeDatabases('a log', (database) => {
  let bench: LogBench;
  beforeEach(async () => {
    bench = await openBench({ database });
  });
  afterEach(() => bench.close());

  it('is what was printed, however it was cut, repeated, reordered and overlapped', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
        fc.array(fc.record({ from: fc.nat(2_000), length: fc.integer({ min: 1, max: 700 }) }), { maxLength: 30 }),
        async (bytes, tries) => {
          const attempt = `attempt${String(++number)}`;
          let stored = 0;
          // Whatever comes, then whatever is missing.
          for (const { from, length } of [...tries, { from: 0, length: bytes.length }]) {
            const offset = Math.min(from, bytes.length - 1);
            const chunk = bytes.subarray(offset, offset + length);
            const reply = await append(bench.logs, offset, chunk, { attempt });
            if (offset > stored) {
              expect(reply).toMatchObject({ ok: false, error: { reason: 'wrong-offset', detail: { offset: stored } } });
              continue;
            }
            stored = Math.max(stored, offset + chunk.length);
            expect(reply).toEqual(durable(stored));
          }
          expect(await readAll(bench.logs, attempt, 1, 300)).toEqual(Buffer.from(bytes));
        },
      ),
      { numRuns: database === 'sqlite' ? 60 : 3 },
    );
  });

  it('refuses bytes that changed on their way', async () => {
    const chunk = { attempt: ATTEMPT, step: 1, offset: 0, bytes: Buffer.from('hello'), crc32: '00000000' };
    expect(await bench.logs.append(chunk)).toMatchObject({ ok: false, error: { reason: 'checksum' } });
  });

  it('takes no more behind its end, and says again what it has', async () => {
    await append(bench.logs, 0, 'hello\n');
    await seal(bench.store, 6, sha256('hello\n'));
    expect(await append(bench.logs, 0, 'hello\n')).toEqual(durable(6));
    expect(await append(bench.logs, 6, 'more')).toMatchObject({ ok: false, error: { reason: 'sealed' } });
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 0 }, 100)).toMatchObject({ value: { sealed: true, length: 6 } });
  });

  it('may have its end before its bytes', async () => {
    await seal(bench.store, 6, sha256('hello\n'));
    expect(await append(bench.logs, 0, 'hel')).toEqual(durable(3));
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 0 }, 100)).toMatchObject({ value: { sealed: false } });
    expect(await append(bench.logs, 3, 'lo\n')).toEqual(durable(6));
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 0 }, 100)).toMatchObject({ value: { sealed: true } });
  });

  it('is sent again once when it is not what was sealed', async () => {
    await seal(bench.store, 6, sha256('hello\n'));
    await append(bench.logs, 0, 'hexxo');
    expect(await append(bench.logs, 5, '\n')).toMatchObject({
      ok: false,
      error: { reason: 'wrong-offset', detail: { offset: 0 } },
    });
    expect(await append(bench.logs, 0, 'hello\n')).toEqual(durable(6));
    expect(bench.counted.get('log_hash_mismatch_total')).toBe(1);
    expect(String(await readAll(bench.logs))).toBe('hello\n');
  });

  it('is kept as it came when it is wrong twice', async () => {
    await seal(bench.store, 5, sha256('other'));
    await append(bench.logs, 0, 'hello');
    expect(await append(bench.logs, 0, 'hello')).toEqual(durable(5));
    await bench.clock.advance(5_000);
    await bench.logs.close();
    expect(await verified(bench)).toBe(2);
  });

  it('of another life of the server is compared with its hash', async () => {
    await append(bench.logs, 0, 'hello\n');
    await append(bench.logs, 0, 'hello\n', { step: 2 });
    await seal(bench.store, 6, sha256('hello\n'));
    await seal(bench.store, 6, sha256('something else'), 2);
    const { store, disk } = bench;
    const log = recorder(bench.said);
    const checks = new SealChecks({ store, disk, log, metrics: NO_METRICS, known: new KnownLogs(store) });
    // The first time it is left to the server that has seen the log.
    for (const expected of [0, 1]) {
      await checks.run(new AbortController().signal);
      expect(await verified(bench)).toBe(expected);
    }
    expect(await verified(bench, 2)).toBe(2);
    expect(bench.said).toEqual([expect.objectContaining({ message: 'a log is not what its agent had' })]);
  });

  it('is kept up to the limit, and says that it is cut', async () => {
    await bench.reopen({ limits: { stepBytes: 10, jobBytes: 15 } });
    expect(await append(bench.logs, 0, '123456789012345')).toEqual(durable(10));
    expect(await append(bench.logs, 10, '12345')).toMatchObject({ error: { reason: 'too-large', code: 'invalid' } });
    expect(await append(bench.logs, 0, '1234567', { step: 2 })).toEqual(durable(5));
    expect(await append(bench.logs, 5, '67', { step: 2 })).toMatchObject({ error: { reason: 'too-large' } });
    await seal(bench.store, 15, sha256('123456789012345'));
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 0 }, 100)).toMatchObject({ value: { sealed: true, length: 10 } });
    const rows = await bench.store.db.selectFrom('log_stream').select('cut').execute();
    expect(rows).toEqual([{ cut: 'server-limit' }, { cut: 'server-limit' }]);
  });

  it('has one writer at a time: of two servers at one place one is told to look again', async () => {
    const other = await bench.open({ node: 'two' });
    await append(bench.logs, 0, 'one ');
    await append(other, 0, 'one ');
    const replies = await Promise.all([append(bench.logs, 4, 'two three '), append(other, 4, 'two ')]);
    for (const reply of replies) expect(reply.ok).toBe(true);
    expect(await append(other, 14, 'four')).toEqual(durable(18));
    expect(await append(bench.logs, 18, '.')).toEqual(durable(19));
    for (const server of [bench.logs, other]) expect(String(await readAll(server))).toBe('one two three four.');
  });

  it('is told to those who wait for it', async () => {
    await append(bench.logs, 0, 'x');
    expect(bench.store.topics).toContain(`log:${ATTEMPT}`);
  });
});

async function verified({ store }: LogBench, step = 1): Promise<number | undefined> {
  return (await store.db.selectFrom('log_stream').select('verified').where('step', '=', step).executeTakeFirst())
    ?.verified;
}
