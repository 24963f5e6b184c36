import { describe, expect, it } from '@jest/globals';
import { OutputTail, TAIL_BYTES } from '../../src/local/output-tail.ts';

const lines = (...texts: string[]): Buffer => Buffer.from(texts.map((text) => `${text}\n`).join(''));

describe('the tail of a step', () => {
  it('is empty before the first line', () => {
    const tail = new OutputTail();
    expect(tail.lastLine).toBeNull();
    expect(tail.lastLines(5)).toEqual([]);
  });

  it('gives the last lines, oldest first, whatever the pushes were', () => {
    const tail = new OutputTail();
    tail.push(lines('one', 'two'));
    tail.push(lines('three'));
    expect(tail.lastLine).toBe('three');
    expect(tail.lastLines(2)).toEqual(['two', 'three']);
    expect(tail.lastLines(10)).toEqual(['one', 'two', 'three']);
  });

  it('keeps empty lines', () => {
    const tail = new OutputTail();
    tail.push(lines('', 'a', ''));
    expect(tail.lastLines(3)).toEqual(['', 'a', '']);
    expect(tail.lastLine).toBe('');
  });

  it('keeps a bounded part of much output, and only whole lines of it', () => {
    const tail = new OutputTail();
    for (let n = 0; n < 50_000; n++) tail.push(lines(`line ${String(n)}`));
    const kept = tail.lastLines(100_000);
    expect(kept.at(-1)).toBe('line 49999');
    expect(kept.every((line) => /^line \d{5}$/.test(line))).toBe(true);
    expect(kept.join('\n').length).toBeLessThanOrEqual(2 * TAIL_BYTES);
    expect(kept.length).toBeGreaterThan(TAIL_BYTES / 2 / 'line 49999\n'.length);
  });

  it('keeps the end of a block and of a line that are larger than itself', () => {
    const tail = new OutputTail();
    tail.push(lines('x'.repeat(5 * TAIL_BYTES)));
    expect(tail.lastLine).toMatch(/^x+$/);
    tail.push(lines(...Array.from({ length: 20_000 }, (_, n) => `block ${String(n)}`)));
    expect(tail.lastLines(2)).toEqual(['block 19998', 'block 19999']);
  });

  it('keeps the last line only when it shrinks, and goes on after that', () => {
    const tail = new OutputTail();
    tail.push(lines('one', 'two'));
    tail.shrink();
    expect(tail.lastLines(5)).toEqual(['two']);
    tail.push(lines('three'));
    expect(tail.lastLines(5)).toEqual(['two', 'three']);
  });
});
