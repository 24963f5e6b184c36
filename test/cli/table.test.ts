import { describe, expect, it } from '@jest/globals';
import { type Column, tableLines } from '../../src/cli/client/table.ts';
import { textWidth } from '../../src/local/text-width.ts';

interface Row {
  readonly id: number;
  readonly name: string;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'ID', text: ({ id }) => String(id), right: true },
  { title: 'NAME', text: ({ name }) => name, least: 6 },
  { title: 'NOTE', text: ({ note }) => note, least: 6 },
];
const ROWS: readonly Row[] = [
  { id: 7, name: 'short', note: 'of little length' },
  { id: 123, name: 'a name that is rather long for a table', note: '' },
];

describe('a table', () => {
  it('stands in columns, numbers at the right', () => {
    expect(tableLines(COLUMNS, ROWS, 100)).toEqual([
      ' ID  NAME                                    NOTE',
      '  7  short                                   of little length',
      '123  a name that is rather long for a table',
    ]);
  });

  it('cuts the widest column first where there is too little room', () => {
    expect(tableLines(COLUMNS, ROWS, 40)).toEqual([
      ' ID  NAME               NOTE',
      '  7  short              of little length',
      '123  a name that is r…',
    ]);
  });

  it('leaves out last columns where cutting is not enough', () => {
    expect(tableLines(COLUMNS, ROWS, 12)).toEqual([' ID  NAME', '  7  short', '123  a nam…']);
  });

  it.each([1, 2, 5, 11, 19, 20, 33, 64, 80])('is never wider than %i columns', (width) => {
    const rows = [...ROWS, { id: 1, name: '日本語の名前がとても長い場合', note: '👩‍👩‍👧 family' }];
    for (const line of tableLines(COLUMNS, rows, width)) expect(textWidth(line)).toBeLessThanOrEqual(width);
  });

  it('has tabs and whole cells for a pipe', () => {
    expect(tableLines(COLUMNS, ROWS, null)).toEqual([
      'ID\tNAME\tNOTE',
      '7\tshort\tof little length',
      '123\ta name that is rather long for a table\t',
    ]);
  });

  it('has nothing in it that moves the cursor or breaks the line', () => {
    const rows = [{ id: 1, name: 'two\nlines \u001b[31mred\u001b[2J', note: 'tab\there' }];
    expect(tableLines(COLUMNS, rows, 80)[1]).toBe(' 1  twolines red  tab here');
  });
});
