import type { AttemptRecord } from '../protocol/attempt-record.ts';

/** Numbers of the steps whose log has no end yet, among those that were begun. Not each of them need have a log. */
export function unsealedLogs(records: Iterable<AttemptRecord>): readonly number[] {
  const open = new Set<number>();
  const sealed = new Set<number>();
  for (const record of records) {
    if (record.kind === 'step' && record.state !== 'pending') open.add(record.step.number);
    if (record.kind === 'log-sealed') sealed.add(record.step);
  }
  return [...open].filter((step) => !sealed.has(step)).sort((a, b) => a - b);
}
