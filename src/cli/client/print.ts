import { paletteOf, type Palette } from '../../local/palette.ts';
import type { CliHost } from '../cli-host.ts';
import { wantsColour } from '../colour-choice.ts';
import { type Column, tableLines } from './table.ts';

export interface PrintFlags {
  readonly json?: boolean;
  readonly color: boolean;
}

/** For programs: one JSON document. */
export function printJson(value: unknown, host: CliHost): void {
  host.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** For people: fits the terminal; for a pipe cells are separated by tabs. `none` is said when there is no row. */
export function printTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  none: string,
  host: CliHost,
): void {
  const { stdout } = host;
  if (rows.length === 0) {
    host.stderr.write(`${none}\n`);
    return;
  }
  const lines = tableLines(columns, rows, stdout.isTTY ? stdout.columns : null);
  stdout.write(`${lines.join('\n')}\n`);
}

export function paletteFor(flags: Pick<PrintFlags, 'color'>, { environment, stdout }: CliHost): Palette {
  return paletteOf(wantsColour({ option: flags.color, environment, isTTY: stdout.isTTY }));
}

/** `3s ago`, `5m ago`, `2h ago`, `4d ago`; `never` for null. */
export function agoText(time: string | null, now: number): string {
  if (time === null) return 'never';
  const seconds = Math.max(Math.round((now - Date.parse(time)) / 1000), 0);
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}
