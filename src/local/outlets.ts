import { EventsWriter } from './events-writer.ts';
import { LogDirectory } from './log-directory.ts';
import { checkReportPath } from './report-writer.ts';
import type { RunOptions } from './run-options.ts';
import { UsageError } from './usage-error.ts';

/** What a run writes beside what it shows. */
export interface Outlets {
  readonly events: EventsWriter | null;
  readonly logs: LogDirectory | null;
}

/**
 * Opens what was asked for before anything runs: a run of an hour must not end with a path that never worked. Throws a
 * `UsageError`. A problem on the way (a full disk) is told once through `warn`, and the run goes on.
 */
export function openOutlets(options: RunOptions, warn: (sentence: string) => void): Outlets {
  const { report, events, logDirectory } = options;
  if (report !== null) orRefuse('--report', report, () => checkReportPath(report));
  return {
    events:
      events === null
        ? null
        : orRefuse(
            '--events',
            events,
            () => new EventsWriter(events, (error) => warn(stopped('events', events, error))),
          ),
    logs:
      logDirectory === null
        ? null
        : orRefuse(
            '--log-dir',
            logDirectory,
            () => new LogDirectory(logDirectory, (error) => warn(stopped('step logs', logDirectory, error))),
          ),
  };
}

function orRefuse<T>(option: string, path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new UsageError(`${option} ${path} cannot be written: ${(error as Error).message}.`, { cause: error });
  }
}

function stopped(what: string, path: string, error: Error): string {
  return `No more ${what} are written to ${path}: ${error.message}.`;
}
