import { quote } from '../expressions/quote.ts';
import type { TextProblem } from './grammar.ts';

interface CronField {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Names for `least` and what follows. */
  readonly names?: readonly string[];
}

const FIELDS: readonly CronField[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  {
    name: 'month',
    least: 1,
    most: 12,
    names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  },
  { name: 'day of the week', least: 0, most: 6, names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] },
];

/** POSIX cron as GitHub takes it: five fields, names of months and days, no `@daily`. */
export function checkCron(cron: string): TextProblem | null {
  const parts = cron.trim().split(/\s+/);
  if (parts.length !== FIELDS.length)
    return problem(
      `${quote(cron)} is no cron expression: it has ${parts.length} fields, not 5 (minute, hour, day, month, day of the week)`,
    );
  for (const [index, field] of FIELDS.entries()) {
    const part = parts[index] ?? '';
    if (!part.split(',').every((item) => fits(item, field)))
      return problem(
        `${quote(part)} is no ${field.name} of a cron expression; expected ${field.least} to ${field.most}, \`*\`, ranges, lists and steps`,
      );
  }
  return null;
}

/** The name of an IANA time zone. */
export function checkTimezone(timezone: string): TextProblem | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    return null;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return problem(`${quote(timezone)} is no time zone; expected a name such as \`Europe/Berlin\` or \`UTC\``);
  }
}

function fits(item: string, field: CronField): boolean {
  const [range = '', step, ...more] = item.split('/');
  if (more.length > 0 || (step !== undefined && !(/^\d+$/.test(step) && Number(step) > 0))) return false;
  if (range === '*') return true;
  const [from = '', to, ...rest] = range.split('-');
  const start = valueOf(from, field);
  const end = to === undefined ? start : valueOf(to, field);
  return rest.length === 0 && start !== null && end !== null && start <= end;
}

function valueOf(text: string, { least, most, names = [] }: CronField): number | null {
  const named = names.indexOf(text.toUpperCase());
  if (named >= 0) return least + named;
  const value = Number(text);
  return /^\d+$/.test(text) && value >= least && value <= most ? value : null;
}

function problem(message: string): TextProblem {
  return { rule: 'schedule', message };
}
