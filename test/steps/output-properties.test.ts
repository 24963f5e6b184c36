/** What holds for any output, however its bytes are split. */
import { isUtf8 } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Masker } from '../../src/steps/masker.ts';
import { textForms } from '../../src/steps/text-forms.ts';
import { keepLog, splitAt, type KeptLog } from './output-harness.ts';

const SECRETS = [
  'hunter2!"\'',
  '{\n  "a": "leaf-one",\n  "b": 7\n}',
  'aa\nb\naa',
  'xy',
  'first long line\nsecond long line',
];

const fragment = fc.oneof(
  fc.constantFrom(...SECRETS.flatMap((secret) => [...textForms(secret), Buffer.from(secret).toString('base64')])),
  fc.constantFrom(
    '{',
    '  "a": "leaf-one",',
    'aa',
    'b',
    'xy',
    ' ',
    '::',
    ':',
    '##[',
    '##',
    '%0A',
    '\r',
    '\n',
    '\r\n',
    '\n\n',
    '\0',
  ),
  fc.constantFrom(
    '\n::add-mask::later-secret\n',
    'later-secret',
    '\n::add-mask::one%0Atwo%0Ab\n',
    '\none\ntwo\nb\n',
    '\n::error file=a.c,line=3::hunter2!"\'\n',
    '\n::warning::w\n',
    '\n##[group]g\n',
    '\n::stop-commands::token-7\n',
    '\n::token-7::\n',
    '\n::echo::on\n',
    '\n::set-output name=o::v\n',
    '\n  ::notice::n\n',
    '\n::nonsense::\n',
  ),
  fc.string({ maxLength: 12 }),
);
const bytesOf = fc
  .array(
    fc.oneof({ weight: 12, arbitrary: fragment.map((text) => Buffer.from(text)) }, fc.uint8Array({ maxLength: 4 })),
  )
  .map((parts) => Buffer.concat(parts));
const places = fc.array(fc.nat(), { maxLength: 40 });

function runSplit(bytes: Buffer, at: readonly number[]): KeptLog & { captured: unknown } {
  const kept = keepLog();
  for (const secret of SECRETS) kept.masker.addSecret(secret);
  const output = kept.open();
  for (const block of splitAt(bytes, at)) output.write(block);
  return { ...kept, captured: output.end() };
}

describe('any split of the output', () => {
  it('gives the same log, annotations and commands', () => {
    fc.assert(
      fc.property(bytesOf, places, (bytes, at) => {
        const whole = runSplit(bytes, []);
        const split = runSplit(bytes, at);
        expect(split.text()).toBe(whole.text());
        expect(split.annotations).toEqual(whole.annotations);
        expect(split.captured).toEqual(whole.captured);
      }),
      { numRuns: 600 },
    );
  });

  it('reaches the sink in whole lines of valid UTF-8 without CR', () => {
    fc.assert(
      fc.property(bytesOf, places, (bytes, at) => {
        const { blocks, log, lines } = runSplit(bytes, at);
        for (const block of blocks) {
          expect(block.at(-1)).toBe(10);
          expect(isUtf8(block)).toBe(true);
          expect(block.includes(13)).toBe(false);
        }
        expect(log.lastLine).toBe(lines().at(-1) ?? null);
      }),
      { numRuns: 200 },
    );
  });

  it('loses nothing where there is no command and no secret', () => {
    const plain = fc.array(fc.constantFrom('a', 'é', '😀', ' ', ':', '#', '\r', '\n', '\r\n'), { maxLength: 60 });
    fc.assert(
      fc.property(plain, places, (parts, at) => {
        const text = parts.join('').replace(/::|##\[/g, '');
        const { open, text: printed } = keepLog();
        const output = open();
        for (const block of splitAt(Buffer.from(text), at)) output.write(block);
        output.end();
        const expected = text.replace(/\r\n?/g, '\n');
        expect(printed()).toBe(expected === '' || expected.endsWith('\n') ? expected : `${expected}\n`);
      }),
      { numRuns: 200 },
    );
  });
});

describe('no secret', () => {
  const line = fc.string({ unit: 'binary', minLength: 4, maxLength: 40 }).filter(isMaskable);
  const secret = fc.oneof(
    line,
    fc.array(line, { minLength: 2, maxLength: 4 }).map((lines) => lines.join('\n')),
  );

  it('and no form of it is ever in the log', () => {
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.string({ maxLength: 6 })), { maxLength: 12 }),
        places,
        (secrets, picks, at) => {
          const kept = keepLog();
          for (const value of secrets) kept.masker.add(value);
          const forms = secrets.map((value) => [
            ...textForms(value.trim()),
            Buffer.from(value.trim()).toString('base64'),
            Buffer.from(value.trim()).toString('base64url'),
          ]);
          const printed = picks.map(([which, form, filler]) => {
            const list = forms[which % forms.length]!;
            return `${filler.replaceAll(':', ';').replaceAll('#', '.')}${list[form % list.length]!}`;
          });
          const output = kept.open();
          // A prefix, so that nothing printed is a command.
          for (const block of splitAt(Buffer.from(`- ${printed.join('\n- ')}\n`), at)) output.write(block);
          output.end();
          for (const form of forms.flat()) expect(kept.text()).not.toContain(form);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('shows any of its bits inside of base64 text', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 8 }),
        line,
        fc.uint8Array({ maxLength: 8 }),
        fc.constantFrom('base64', 'base64url'),
        (before, value, after, encoding) => {
          const masker = new Masker();
          masker.add(value);
          const middle = Buffer.from(value.trim());
          const text = Buffer.concat([before, middle, after]).toString(encoding);
          const first = Math.floor((before.length * 8) / 6);
          const end = Math.ceil(((before.length + middle.length) * 8) / 6);
          const rest = text.slice(end).replace(/^=+/, '');
          expect(masker.mask(`<${text}>`)).toBe(`<${text.slice(0, first)}***${rest}>`);
        },
      ),
      { numRuns: 400 },
    );
  });
});

/** Hits of every secret, by trying every place. */
function maskSlowly(text: string, secrets: readonly string[]): string {
  const hidden = new Uint8Array(text.length);
  for (const secret of secrets) {
    for (let at = 0; at + secret.length <= text.length; at++) {
      if (text.startsWith(secret, at)) hidden.fill(1, at, at + secret.length);
    }
  }
  const marked = Array.from(text, (character, at) => (hidden[at] === 1 ? '\0' : character)).join('');
  return marked.replace(/\0+/g, '***');
}

describe('the matcher', () => {
  it('finds what trying every place finds, through overlaps and repetitions', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 9 });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 6 }),
        fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 80 }),
        (secrets, text) => {
          const masker = new Masker();
          for (const secret of secrets) masker.add(secret);
          expect(masker.mask(text)).toBe(maskSlowly(text, secrets));
        },
      ),
      { numRuns: 600 },
    );
  });

  it('lets no secret over several short lines through, whatever comes around it', () => {
    const shortLines = fc
      .array(fc.constantFrom('}', 'x', 'y', ']'), { minLength: 3, maxLength: 6 })
      .map((l) => l.join('\n'));
    fc.assert(
      fc.property(
        fc.array(shortLines, { minLength: 1, maxLength: 3 }),
        fc.array(shortLines),
        places,
        (secrets, parts, at) => {
          const bytes = Buffer.from(`${[...parts, ...secrets].join('\n')}\n`);
          const logs = [[], at].map((cuts) => {
            const kept = keepLog();
            for (const secret of secrets) kept.masker.add(secret);
            const output = kept.open();
            for (const block of splitAt(bytes, cuts)) output.write(block);
            output.end();
            return kept.text();
          });
          expect(logs[1]).toBe(logs[0]);
          for (const secret of secrets) expect(logs[1]).not.toContain(secret);
          expect(logs[1]!.split('\n')).toHaveLength(bytes.toString().split('\n').length);
        },
      ),
      { numRuns: 400 },
    );
  });
});

/** Four characters or more that the replacement cannot form again. */
function isMaskable(text: string): boolean {
  return (
    Array.from(text.trim()).length >= 4 &&
    !/[*\r\n]/.test(text) &&
    text.trim() === text &&
    Buffer.from(text).toString() === text
  );
}
