import { describe, expect, it } from '@jest/globals';
import { fit, textWidth, truncate } from '../../src/local/text-width.ts';

describe('the width of text', () => {
  it.each([
    ['plain', 5],
    ['', 0],
    ['日本', 4],
    ['👩‍👩‍👧', 2],
    ['e\u0301', 1],
    ['❤\uFE0F', 2],
    ['🇩🇪', 2],
    ['1\uFE0F\u20E3', 2],
    ['✓ …', 3],
    ['\u200b\u0007', 0],
  ])('%j takes %d columns', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it.each([
    ['hello', 5, 'hello'],
    ['hello', 4, 'hel…'],
    ['hello', 1, '…'],
    ['hello', 0, ''],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['a👩‍👩‍👧b', 3, 'a…'],
  ])('%j in %d columns is %j', (text, columns, cut) => {
    expect(truncate(text, columns)).toBe(cut);
    expect(textWidth(cut)).toBeLessThanOrEqual(columns);
  });

  it('fits every text to exactly the columns asked for', () => {
    for (const text of ['', 'a', 'hello world', '日本語'])
      for (const columns of [1, 4, 5, 20]) expect(textWidth(fit(text, columns))).toBe(columns);
  });
});
