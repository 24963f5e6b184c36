import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bundle, bundleFolder } from '../../support/bundle.ts';
import { append, ATTEMPT, found, type LogBench, openBench, readAll } from './log-harness.ts';

let bench: LogBench;
let folder: string;
let searchThreadFile: string;
beforeAll(async () => {
  folder = await bundleFolder();
  searchThreadFile = await bundle(new URL('../../../src/server/logs/search-thread.ts', import.meta.url), folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  bench = await openBench({ searchThreadFile });
});
afterEach(() => bench.close());

async function fill(text: Buffer | string, cuts: readonly number[], step = 1, attempt = ATTEMPT): Promise<void> {
  const bytes = Buffer.from(text);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  for (const [index, from] of places.entries()) {
    const chunk = bytes.subarray(from, places[index + 1] ?? bytes.length);
    if (chunk.length > 0) await append(bench.logs, from, chunk, { attempt, step });
  }
}

describe('a read', () => {
  it('by line and by byte finds the same, wherever the log was cut', async () => {
    let number = 0;
    const text = fc.array(fc.constantFrom('', 'a', 'bc', 'é', 'line', '\r'), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(text, fc.boolean(), fc.array(fc.nat(60), { maxLength: 8 }), async (parts, open, cuts) => {
        const log = parts.join('\n') + (open ? 'x' : '\n');
        const attempt = `attempt${String(++number)}`;
        await fill(log, cuts, 1, attempt);
        const lines = log.split(/(?<=\n)/);
        for (const [index, line] of lines.entries()) {
          const slice = await bench.logs.read(attempt, 1, { line: index + 1 }, Buffer.byteLength(line));
          const offset = Buffer.byteLength(lines.slice(0, index).join(''));
          expect(slice).toMatchObject({
            value: { bytes: Buffer.from(line), offset, firstLine: index + 1, lines: lines.length },
          });
        }
        const bytes = Buffer.from(log);
        for (let byte = 0; byte < bytes.length; byte++) {
          const begun = bytes.subarray(0, byte).toString('latin1').split('\n').length;
          const firstLine = byte === 0 || bytes[byte - 1] === 0x0a ? begun : begun + 1;
          expect(await bench.logs.read(attempt, 1, { byte }, 3)).toMatchObject({
            value: { bytes: bytes.subarray(byte, byte + 3), offset: byte, firstLine },
          });
        }
      }),
      { numRuns: 25 },
    );
  });

  it('behind the end is empty, and goes on where the log goes on', async () => {
    await append(bench.logs, 0, 'one\ntwo');
    const behind = await bench.logs.read(ATTEMPT, 1, { byte: 7 }, 100);
    expect(behind).toMatchObject({ value: { bytes: Buffer.alloc(0), offset: 7, lines: 2, length: 7 } });
    expect(await bench.logs.read(ATTEMPT, 1, { line: 3 }, 100)).toMatchObject({ value: { offset: 7, firstLine: 3 } });
    await append(bench.logs, 7, '!\nthree\n');
    expect(await bench.logs.read(ATTEMPT, 1, { line: 3 }, 100)).toMatchObject({
      value: { bytes: Buffer.from('three\n'), firstLine: 3, lines: 3 },
    });
  });

  it('of a step that wrote nothing says that there is no log', async () => {
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 0 }, 100)).toMatchObject({
      ok: false,
      error: { code: 'not_found', reason: null },
    });
  });

  it('of many small parts is one page', async () => {
    for (let at = 0; at < 450; at++) await append(bench.logs, at, 'x');
    expect(await bench.logs.read(ATTEMPT, 1, { byte: 0 }, 1_000)).toMatchObject({
      value: { bytes: Buffer.alloc(450, 'x') },
    });
  });

  it('of 100 MB in one line takes little memory', async () => {
    const chunk = Buffer.alloc(4 * 1024 * 1024, 'x');
    const size = 25 * chunk.length;
    for (let at = 0; at < size; at += chunk.length) await append(bench.logs, at, chunk);
    let most = 0;
    const before = process.memoryUsage();
    const used = ({ external, arrayBuffers, heapUsed }: NodeJS.MemoryUsage): number =>
      external + arrayBuffers + heapUsed;
    let read = 0;
    for (let byte = 0; byte < size;) {
      const slice = await bench.logs.read(ATTEMPT, 1, { byte }, 256 * 1024);
      if (!slice.ok || slice.value.bytes.length === 0) break;
      read += slice.value.bytes.length;
      byte += slice.value.bytes.length;
      most = Math.max(most, used(process.memoryUsage()) - used(before));
    }
    expect(read).toBe(size);
    expect(await bench.logs.read(ATTEMPT, 1, { line: 2 }, 10)).toMatchObject({ value: { offset: size, lines: 1 } });
    expect(await found(bench.logs, { text: 'xxxx' })).toEqual([{ step: 1, line: 1, text: 'x'.repeat(1_000) }]);
    expect(most).toBeLessThan(100 * 1024 * 1024);
  });
});

describe('a search', () => {
  it('finds lines by text and by pattern, in the order of the steps', async () => {
    await fill('alpha\nbeta\r\ngamma error\n', [3, 8, 14], 2);
    await fill('an error é first\n', [13, 12], 1);
    const hits = [
      { step: 1, line: 1, text: 'an error é first' },
      { step: 2, line: 3, text: 'gamma error' },
    ];
    expect(await found(bench.logs, { text: 'error' })).toEqual(hits);
    expect(await found(bench.logs, { text: '^(gamma )?.*error\\b', pattern: true })).toEqual(hits);
    expect(await found(bench.logs, { text: '^beta$', pattern: true })).toEqual([{ step: 2, line: 2, text: 'beta' }]);
    expect(await found(bench.logs, { text: 'error', step: 2 })).toEqual(hits.slice(1));
    expect(await found(bench.logs, { text: 'error', limit: 1 })).toEqual(hits.slice(0, 1));
    expect(await found(bench.logs, { text: 'é', pattern: false })).toEqual(hits.slice(0, 1));
  });

  it('finds what lies across two windows of a long line, once', async () => {
    const line = `${'a'.repeat(64 * 1024 - 2)}needle${'b'.repeat(300_000)}needle`;
    await fill(`first\n${line}\nlast`, [100, 65_000]);
    const [hit, ...more] = await found(bench.logs, { text: 'needle' });
    expect(more).toEqual([]);
    expect(hit).toMatchObject({ line: 2 });
    expect(hit?.text).toContain('needle');
    expect(hit?.text).toHaveLength(1_000);
    expect(await found(bench.logs, { text: 'last', pattern: true })).toEqual([{ step: 1, line: 3, text: 'last' }]);
  });

  it('with a pattern that never ends is ended, and nothing else waits for it', async () => {
    await fill(`${'a'.repeat(50_000)}\n`, []);
    const stop = new AbortController();
    const search = found(bench.logs, { text: '^(a+)+$|(a|a)*b', pattern: true }, stop.signal);
    // Answered while the pattern is at work in its thread.
    expect((await readAll(bench.logs)).length).toBe(50_001);
    stop.abort();
    await search;
  });

  it('is ended at its time limit', async () => {
    await fill(`${'a'.repeat(60)}b\n`, []);
    const search = expect(found(bench.logs, { text: '^(a+)+$', pattern: true })).rejects.toThrow('too long');
    await bench.clock.advance(15_000);
    await search;
  });

  it('whose turn has not come ends when nobody waits for it any more', async () => {
    await append(bench.logs, 0, `${'a'.repeat(60)}!\n`);
    const busy = new AbortController();
    const endless = [1, 2].map(() => found(bench.logs, { text: '^(a+)+$', pattern: true }, busy.signal));
    const stop = new AbortController();
    const waiting = found(bench.logs, { text: 'a', pattern: true }, stop.signal);
    // Answered while both threads are at work.
    expect(await found(bench.logs, { text: '!', pattern: false })).toHaveLength(1);
    stop.abort();
    expect(await waiting).toEqual([]);
    busy.abort();
    await Promise.all(endless);
    expect(await found(bench.logs, { text: 'a', pattern: true })).toHaveLength(1);
  });

  it('refuses a pattern that is none', async () => {
    await fill('x', []);
    await expect(found(bench.logs, { text: '(', pattern: true })).rejects.toThrow(SyntaxError);
  });
});
