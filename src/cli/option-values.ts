import { InvalidArgumentError } from 'commander';

/** For an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1.');
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `30s`, `30m`, `12h`, `7d` in seconds; null for anything else. */
export function secondsOf(text: string): number | null {
  const [, amount, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  return amount === undefined || unit === undefined ? null : Number(amount) * (UNITS[unit] ?? 1);
}

/** `a,b` and several times, together. */
export function list(value: string, before: readonly string[] = []): readonly string[] {
  const items = value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
  return [...before, ...items];
}

/** As the server takes it, and as the name of a file and of a service. */
const RUNNER_NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;

/** What is wrong with the name of a runner, as a sentence; null: nothing. */
export function runnerNameProblem(name: string): string | null {
  if (RUNNER_NAME.test(name)) return null;
  return `A runner cannot be called '${name}': a name has letters, digits, '-', '_' and '.', a letter or digit first, and at most 100 of them.`;
}
