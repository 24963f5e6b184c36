import { firstAttempt, keySuffix } from '../flow/key-suffix.ts';
import { plainLine } from './plain-line.ts';

interface Named {
  readonly key: string;
  readonly name: string;
}

/** The name of a job, and which time of it this is, where there may be several. */
export function jobTitle({ key, name }: Named): string {
  const { iteration, attempt } = keySuffix(key);
  const which = [...(iteration > 1 ? [`iteration ${iteration}`] : []), ...(attempt > 1 ? [`attempt ${attempt}`] : [])];
  return which.length === 0 ? plainLine(name) : `${plainLine(name)} (${which.join(', ')})`;
}

/** Keys of attempts after which there was another one: what they came to counts for nothing. */
export function triedAgain(jobs: readonly Pick<Named, 'key'>[]): ReadonlySet<string> {
  const attempts = new Map<string, number>();
  for (const { key } of jobs) {
    const first = firstAttempt(key);
    attempts.set(first, Math.max(attempts.get(first) ?? 1, keySuffix(key).attempt));
  }
  return new Set(
    jobs.flatMap(({ key }) => (keySuffix(key).attempt < (attempts.get(firstAttempt(key)) ?? 1) ? [key] : [])),
  );
}
