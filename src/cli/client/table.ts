import { plainLine } from '../../local/plain-line.ts';
import { fit, textWidth, truncate } from '../../local/text-width.ts';

export interface Column<Row> {
  readonly title: string;
  /** What stands in the cell: one line, whatever it holds. */
  text(row: Row): string;
  /** Colours the cell when it has its width. */
  readonly paint?: (text: string, row: Row) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Columns that it keeps when there is too little room; a column without it is never cut. */
  readonly least?: number;
}

const GAP = 2;
const WIDEST = 60;

/**
 * Lines without line breaks, none wider than `width`: columns that may be cut give way, the widest first; when that is
 * not enough the last columns are left out. Null for a pipe, where nothing is cut and a tab stands between the cells.
 */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number | null): string[] {
  const texts = rows.map((row) => columns.map((column) => plainLine(column.text(row))));
  const titles = columns.map(({ title }) => title);
  if (width === null) return [titles, ...texts].map((cells) => cells.join('\t'));
  const widths = fitted(columns, [titles, ...texts], width);
  const line = (cells: readonly string[], paint: (text: string, at: number) => string): string =>
    widths
      .map((size, at) => {
        const text = cells[at] ?? '';
        const cell = columns[at]?.right === true ? truncate(text, size).padStart(size) : fit(text, size);
        return paint(cell, at);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [
    line(titles, (text) => text),
    ...texts.map((cells, index) => line(cells, (text, at) => columns[at]?.paint?.(text, rows[index] as Row) ?? text)),
  ];
}

/** A width for each column that is shown. */
function fitted<Row>(columns: readonly Column<Row>[], cells: readonly (readonly string[])[], width: number): number[] {
  const widths = columns.map((column, at) => {
    const widest = Math.max(...cells.map((row) => textWidth(row[at] ?? '')));
    return column.least === undefined ? widest : Math.min(widest, WIDEST);
  });
  while (sum(widths) > width) {
    const widest = widths.reduce((best, size, at) => {
      const least = columns[at]?.least;
      const isCuttable = least !== undefined && size > least;
      return isCuttable && (best < 0 || size > (widths[best] ?? 0)) ? at : best;
    }, -1);
    if (widest >= 0) widths[widest] = (widths[widest] ?? 1) - 1;
    else if (widths.length > 1) widths.pop();
    else return [Math.max(width, 1)];
  }
  return widths;
}

function sum(widths: readonly number[]): number {
  return widths.reduce((total, size) => total + size, 0) + GAP * (widths.length - 1);
}
