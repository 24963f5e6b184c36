import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFrame } from '../../src/journal/frame.ts';
import { inspectJournal, readJournal } from '../../src/journal/read-journal.ts';
import { scanJournal } from '../../src/journal/scan-journal.ts';
import { ALL, Folders, open } from './journal-folder.ts';

const folders = new Folders();
afterEach(() => folders.removeAll());

const texts = fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { minLength: 1, maxLength: 12 });
/** Zeros behind the records, as the reserve has. */
const reserve = fc.constantFrom(0, 1, 15, 16, 200);
const damage = fc.oneof(
  fc.record({ kind: fc.constant('truncate' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('zeros' as const), at: fc.nat(), bytes: fc.nat(40) }),
  fc.record({ kind: fc.constant('garbage' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 40 }) }),
);
type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never;

// A failing seed is printed by fast-check, with the smallest case that fails.
describe('whatever is done to the bytes of a journal', () => {
  it('what is read is a prefix of what was written, and never more than lies before the damage', () => {
    fc.assert(
      fc.property(texts, reserve, fc.array(damage, { minLength: 1, maxLength: 3 }), (given, zeros, damages) => {
        const written = given.map(wellFormed);
        const bytes = damages.reduce(apply, journalOf(written, zeros));
        const read: string[] = [];
        const { lastSeq, end } = scanJournal(bytes, (text) => read.push(text));
        expect(read).toEqual(written.slice(0, read.length));
        expect(lastSeq).toBe(read.length);
        expect(end).toBe(journalOf(read, 0).length);
      }),
      { numRuns: 3_000 },
    );
  });

  it('one flipped bit never goes unseen', () => {
    fc.assert(
      fc.property(texts, fc.nat(), fc.nat(7), (given, at, bit) => {
        const written = given.map(wellFormed);
        const { lastSeq, tail } = scanJournal(apply(journalOf(written, 0), { kind: 'flip', at, bit }));
        expect(lastSeq).toBeLessThan(written.length);
        expect(tail.kind).not.toBe('clean');
      }),
      { numRuns: 2_000 },
    );
  });

  it('it can be opened and written on, and all further reading agrees', async () => {
    await fc.assert(
      fc.asyncProperty(texts, reserve, damage, async (given, zeros, how) => {
        const written = given.map(wellFormed);
        const path = join(await folders.make(), 'journal');
        await writeFile(path, apply(journalOf(written, zeros), how));
        const before = await inspectJournal(path);
        const journal = await open(path);
        expect([journal.lastSeq, journal.lastHash]).toEqual([before.lastSeq, before.lastHash]);
        await journal.append('"new"', 'now');
        await journal.close();
        expect((await readJournal(path, ALL))?.records).toEqual([...written.slice(0, before.lastSeq), '"new"']);
        expect(await inspectJournal(path)).toMatchObject({ lastSeq: before.lastSeq + 1, tail: { kind: 'clean' } });
        const { tail } = before;
        if (tail.kind !== 'clean')
          expect((await readFile(`${path}.${tail.kind}-${tail.offset}`)).length).toBe(tail.bytes);
      }),
      { numRuns: 100 },
    );
  });
});

/** As JSON texts are: no half of a surrogate pair. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

function journalOf(written: readonly string[], zeros: number): Buffer {
  return Buffer.concat([...written.map((text, i) => encodeFrame(i + 1, text)), Buffer.alloc(zeros)]);
}

function apply(bytes: Buffer, how: Damage): Buffer {
  const at = bytes.length === 0 ? 0 : how.at % bytes.length;
  const result = Buffer.from(bytes);
  switch (how.kind) {
    case 'truncate':
      return result.subarray(0, at);
    case 'flip':
      if (result.length > 0) result[at] = (result[at] as number) ^ (1 << how.bit);
      return result;
    case 'zeros':
      return result.fill(0, at, Math.min(at + how.bytes, result.length));
    case 'garbage':
      result.set(how.bytes.subarray(0, result.length - at), at);
      return result;
  }
}
