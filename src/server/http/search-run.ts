import type { Clock } from '../../kernel/clock.ts';
import type { LogHit, LogSearchEnd } from '../../protocol/run-api.ts';
import type { LogStore } from '../log-store.ts';
import type { JobLogs } from './view-operations.ts';

/** A search takes no longer; what it found until then is answered. */
export const SEARCH_MS = 10_000;

/** Hits, one JSON object a line, then {@link LogSearchEnd}. */
export async function* searchRun(
  logs: LogStore,
  clock: Clock,
  jobs: readonly JobLogs[],
  query: { readonly q: string; readonly pattern: boolean; readonly step?: number | undefined; readonly limit: number },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  signal.addEventListener('abort', end, { once: true });
  const cancel = clock.after(SEARCH_MS, end);
  let left = query.limit;
  try {
    for (const { job, attempt } of jobs) {
      if (attempt === null || left === 0) continue;
      const what = { text: query.q, pattern: query.pattern, step: query.step ?? null, limit: left };
      for await (const hit of logs.search(attempt, what, stop.signal)) {
        left -= 1;
        yield line({ job, ...hit } satisfies LogHit);
      }
    }
    const why = stop.signal.aborted ? 'time' : left === 0 ? 'limit' : 'complete';
    yield line({ end: why } satisfies LogSearchEnd);
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
  }
}

function line(value: LogHit | LogSearchEnd): string {
  return `${JSON.stringify(value)}\n`;
}
