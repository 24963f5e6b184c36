import { quote } from '../expressions/quote.ts';
import type { TextProblem } from './grammar.ts';

/** Longer waits belong into a schedule. */
const MAX_DURATION_MS = 30 * 24 * 3_600_000;

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** For editors; the same as {@link readDuration} takes. */
export const DURATION_PATTERN = String.raw`^\d+(?:\.\d+)?(?:ms|s|m|h)$`;

/** `500ms`, `1.5s`, `2m` or `1h` in milliseconds; null when it is none. */
export function readDuration(text: string): number | null {
  const groups = /^(?<count>\d{1,12}(?:\.\d{1,6})?)(?<unit>ms|s|m|h)$/.exec(text)?.groups;
  if (!groups) return null;
  return Math.round(Number(groups['count']) * UNITS[groups['unit'] as keyof typeof UNITS]);
}

export function checkDuration(text: string): TextProblem | null {
  const ms = readDuration(text);
  if (ms === null) {
    const wayOut = /^\d+(?:\.\d+)?$/.test(text) ? `; write \`${text}s\` for seconds` : '';
    return problem(`${quote(text)} is no duration, such as \`500ms\`, \`10s\`, \`2m\` or \`1h\`${wayOut}`);
  }
  return ms > MAX_DURATION_MS
    ? problem(`${quote(text)} is too long: the limit is ${MAX_DURATION_MS / UNITS.h}h`)
    : null;
}

function problem(message: string): TextProblem {
  return { rule: 'time', message };
}
