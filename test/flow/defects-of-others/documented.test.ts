import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const rows = read('docs/flow-defects.md')
  .split('\n')
  .flatMap((line) => {
    const row = /^\| (\d+) +\| (.+?) +\| (.+?) +\|$/.exec(line);
    return row === null ? [] : [{ number: Number(row[1]), here: row[3]! }];
  });

describe('the page of what other engines got wrong', () => {
  it('has a row for each of the 45 defects', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
  });

  it.each(rows)('names in row $number a test that there is, or says why it cannot happen', ({ here }) => {
    const tests = [...here.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+)\)/g)];
    if (tests.length === 0) expect(here).toMatch(/^Cannot happen: .{40}/);
    for (const [, name = '', file = ''] of tests) {
      expect(file).toMatch(/^test\//);
      expect(read(file)).toMatch(new RegExp(`['"]${name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)}['"]`));
    }
  });
});
