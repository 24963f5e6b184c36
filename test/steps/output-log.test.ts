import { describe, expect, it } from '@jest/globals';
import { MAX_LINE_BYTES } from '../../src/steps/line-splitter.ts';
import { Masker } from '../../src/steps/masker.ts';
import { keepLog } from './output-harness.ts';

describe('lines', () => {
  const cases: [name: string, output: string | Buffer, log: string][] = [
    ['LF, CR LF and a lone CR end a line', 'a\nb\r\nc\rd\r\r\ne\n', 'a\nb\nc\nd\n\ne\n'],
    ['an unterminated last line counts', 'a\nb', 'a\nb\n'],
    ['empty lines stay', '\n\na\n\n', '\n\na\n\n'],
    ['nothing is nothing', '', ''],
    [
      'invalid UTF-8 becomes replacement characters',
      Buffer.from([97, 0xff, 98, 0xe2, 0x82, 10, 0xc3]),
      'a\ufffdb\ufffd\n\ufffd\n',
    ],
    ['NULs are kept', 'a\0b\n', 'a\0b\n'],
    ['colours are kept', '\u001b[31mred\u001b[0m\n', '\u001b[31mred\u001b[0m\n'],
  ];
  it.each(cases)('%s', (_, output, log) => {
    const kept = keepLog();
    kept.run(output);
    expect(kept.text()).toBe(log);
  });

  it('a CR and a LF in two blocks are one break', () => {
    const kept = keepLog();
    const output = kept.open();
    for (const block of ['50%\r', '\n', 'a\r', 'b\r', '\n', '\nc']) output.write(Buffer.from(block));
    output.end();
    expect(kept.text()).toBe('50%\na\nb\n\nc\n');
  });

  it('a whole line flows at once, an unterminated one when it ends', () => {
    const kept = keepLog();
    const output = kept.open();
    output.write(Buffer.from('one\ntw'));
    expect(kept.text()).toBe('one\n');
    output.write(Buffer.from('o\r'));
    expect(kept.text()).toBe('one\ntwo\n');
    output.write(Buffer.from('three'));
    expect(kept.text()).toBe('one\ntwo\n');
    output.end();
    expect(kept.text()).toBe('one\ntwo\nthree\n');
  });

  it('a block without a command goes on as it is, in one piece', () => {
    const blocks: Buffer[] = [];
    const kept = keepLog({ sink: (lines) => void blocks.push(lines) });
    const block = Buffer.from('std::vector\n a:: b\n# ##\n');
    kept.open().write(block);
    expect(blocks).toHaveLength(1);
    expect(blocks[0]!.buffer).toBe(block.buffer);
  });

  it('lines of our own may come between, in order, also several at once', () => {
    const kept = keepLog();
    kept.log.line('Run it');
    const output = kept.open();
    output.write(Buffer.from('a\nb'));
    kept.log.line('waiting\r\nstill');
    output.write(Buffer.from('b\n'));
    output.end();
    expect(kept.lines()).toEqual(['Run it', 'a', 'waiting', 'still', 'bb']);
  });

  it('the last line is known, masked', () => {
    const kept = keepLog();
    kept.masker.add('hunter2');
    expect(kept.log.lastLine).toBeNull();
    const output = kept.open();
    output.write(Buffer.from('a\nis hunter2\nunfinished'));
    expect(kept.log.lastLine).toBe('is ***');
    output.end();
    expect(kept.log.lastLine).toBe('unfinished');
    kept.log.line('');
    expect(kept.log.lastLine).toBe('');
  });

  it('a debug line appears only with step debug logging, its mark on every line', () => {
    const [quiet, loud] = [keepLog(), keepLog({ debug: true })];
    for (const { log } of [quiet, loud]) log.debug('a\nb');
    expect(quiet.text()).toBe('');
    expect(loud.lines()).toEqual(['##[debug]a', '##[debug]b']);
  });
});

describe('a line that is too long', () => {
  const long = MAX_LINE_BYTES * 3 + 12_345;

  it('comes in pieces, none of it is lost, and the next line is whole again', () => {
    const kept = keepLog();
    kept.run(`${'x'.repeat(long)}\nnext\n`);
    const lines = kept.lines();
    expect(lines.map(({ length }) => length)).toEqual([MAX_LINE_BYTES, MAX_LINE_BYTES, MAX_LINE_BYTES, 12_345, 4]);
  });

  it('reaches the sink before it ends, and costs no more for small blocks', () => {
    const kept = keepLog();
    const output = kept.open();
    const block = Buffer.from('x'.repeat(64));
    for (let written = 0; written < long; written += block.length) output.write(block);
    expect(kept.blocks).toHaveLength(3);
    output.end();
    expect(kept.lines().join('')).toHaveLength(Math.ceil(long / 64) * 64);
  });

  it.each([-40, -20, -8, -1, 0, 1])('hides a secret %d bytes from the cut', (offset) => {
    for (const cut of [1, 2, 3]) {
      const kept = keepLog();
      kept.masker.add('hunter2-and-more');
      const before = 'x'.repeat(MAX_LINE_BYTES * cut + offset);
      kept.run(`${before}hunter2-and-more${'y'.repeat(50)}hunter2-and-more\n`);
      expect(kept.lines().join('')).toBe(`${before}***${'y'.repeat(50)}***`);
    }
  });

  it('hides secrets that fill it', () => {
    const kept = keepLog();
    kept.masker.add('hunter2');
    kept.run(`${'hunter2'.repeat(MAX_LINE_BYTES)}\n`);
    expect(kept.text().replace(/[*\n]/g, '')).toBe('');
  });

  it('is not cut inside of a character', () => {
    const kept = keepLog();
    kept.run(`x${'é'.repeat(MAX_LINE_BYTES)}\n`);
    expect(kept.text()).not.toContain('\ufffd');
  });

  it('is text where it looks like a command', () => {
    const kept = keepLog();
    const captured = kept.run(`::error::${'x'.repeat(long)}::warning::y\n`);
    expect(kept.annotations).toEqual([]);
    expect(captured.failed).toBe(false);
  });

  it('is dropped where it asks for a mask, and the step fails', () => {
    const kept = keepLog();
    const captured = kept.run(`::add-mask::${'x'.repeat(long)}\nnext\n`);
    expect(captured.failed).toBe(true);
    expect(kept.text()).not.toContain('xxx');
    expect(kept.lines().at(-1)).toBe('next');
  });
});

describe('secrets over several lines', () => {
  const secret = '{\n  "id": 1,\n  "a": 2\n}';

  it('hold back the lines that may be their beginning, no longer than until the next line decides', () => {
    const kept = keepLog();
    kept.masker.addSecret(secret);
    const output = kept.open();
    output.write(Buffer.from('text\nopen {\n'));
    expect(kept.lines()).toEqual(['text']);
    output.write(Buffer.from('  "id": 2,\n'));
    expect(kept.lines()).toEqual(['text', 'open {', '  "id": 2,']);
    output.write(Buffer.from(`{\n  "id": 1,\n`));
    expect(kept.lines()).toHaveLength(3);
    output.write(Buffer.from(`  "a": 2\n}.\n`));
    expect(kept.lines().slice(3)).toEqual(['***', '***', '***', '***.']);
  });

  it('are let go at the end of the output', () => {
    const kept = keepLog();
    kept.masker.addSecret(secret);
    kept.run('{\n  "id": 1,\n');
    expect(kept.lines()).toEqual(['{', '  "id": 1,']);
  });

  it('hold back nothing when each line is masked by itself', () => {
    const kept = keepLog();
    kept.masker.addSecret('-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----');
    kept.open().write(Buffer.from('-----BEGIN KEY-----\nabcdefgh\n'));
    expect(kept.lines()).toEqual(['***', '***']);
  });

  it('do not hold back lines of our own when nothing else is open', () => {
    const kept = keepLog();
    kept.masker.addSecret(secret);
    kept.log.line('open {');
    expect(kept.lines()).toEqual(['open {']);
  });
});

describe('one masker for all logs', () => {
  it('109: once the registering line has been processed, no later line of any step shows the value', () => {
    const masker = new Masker();
    const [one, other] = [keepLog({ masker }), keepLog({ masker })];
    const [registering, printing] = [one.open(), other.open()];
    for (let n = 0; n < 1_000; n++) {
      const secret = `s3cret-${n}-value`;
      printing.write(Buffer.from(`before ${secret}\nunfinished ${secret}`));
      registering.write(Buffer.from(`early ${secret}\n::add-mask::${secret}\nlate ${secret}\n`));
      printing.write(Buffer.from(`\nafter ${secret}\n`));
      expect(one.lines().slice(-2)).toEqual([`early ${secret}`, 'late ***']);
      expect(other.lines().slice(-3)).toEqual([`before ${secret}`, 'unfinished ***', 'after ***']);
      for (const { blocks } of [one, other]) blocks.length = 0;
    }
  });
});
