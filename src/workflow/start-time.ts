import { quote } from '../expressions/quote.ts';
import type { TextProblem } from './grammar.ts';

const DATE_AND_TIME = /^(?<day>\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?<zone>Z|[+-]\d{2}:\d{2})?$/;

/** A point in time as ISO 8601 writes it. A day alone or a time without a zone is another one in every place. */
export function checkStartTime(text: string): TextProblem | null {
  const match = DATE_AND_TIME.exec(text);
  if (!match || Number.isNaN(Date.parse(text)) || !isDay(match.groups?.['day'] ?? ''))
    return { rule: 'time', message: `${quote(text)} is no point in time, such as \`2030-01-31T06:00:00Z\`` };
  if (match.groups?.['zone'] !== undefined) return null;
  return {
    rule: 'time',
    message: `${quote(text)} has no time zone; add \`Z\` for UTC, or an offset such as \`+02:00\``,
  };
}

/** JavaScript takes the 31st of February for the 3rd of March. */
function isDay(day: string): boolean {
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
