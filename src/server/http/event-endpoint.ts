import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { RunService } from '../runs/run-service.ts';
import type { Store } from '../store.ts';
import { failure, unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { streamResponse } from './stream-response.ts';
import type { Wakeups } from './wakeups.ts';

/** What streams of viewers go by. */
export interface Streaming {
  readonly store: Store;
  readonly runs: Pick<RunService, 'events'>;
  readonly wakeups: Wakeups;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
  /** Viewers come and go: +1, -1. */
  readonly onViewers: (change: 1 | -1) => void;
  /** From an event until it is written to a viewer who follows. */
  readonly onEventLag: (seconds: number) => void;
  /** Somebody watches the logs of an attempt, until the returned function is called. */
  readonly watchLogs: (attempt: string) => () => void;
}

const PAGE = 500;
/** So that proxies and the viewer know that the connection lives. */
const HEARTBEAT_MS = 15_000;
/** When a viewer that was cut off is to come back. */
const RETRY_MS = 1_000;

const query = z.strictObject({
  after: z.coerce.number().int().nonnegative().optional().describe('Id of the last event that is known.'),
  follow: z
    .enum(['run', 'always', 'none'])
    .default('always')
    .describe('`run`: ends when the run has ended. `none`: ends with what there is.'),
});
type Query = z.infer<typeof query>;

/** Server-sent events: each a RunEvent, with the id to resume from (`Last-Event-ID`, or `?after=`). */
export function eventEndpoint(streaming: Streaming): Endpoint {
  return endpoint({
    method: 'get',
    path: '/v1/runs/{run}/events',
    summary: 'What happens in a run, from the beginning or from an event on, as server-sent events.',
    access: { kind: 'scope', scope: 'runs:read' },
    params: z.strictObject({ run: z.coerce.number().int() }),
    query,
    reply: { kind: 'events', status: 200 },
    errors: [404],
    handle: async (call) => {
      const { params, query, header, signal } = call;
      const after = query.after ?? lastEventId(header('last-event-id'));
      // Looked at before the answer begins, so that a run that is not there is a 404.
      unwrap(await streaming.runs.events(params.run, after, 1));
      const events = runEvents(streaming, params.run, after, query.follow, signal);
      return streamResponse(events, call, streaming, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'X-Accel-Buffering': 'no',
      });
    },
  });
}

async function* runEvents(
  { runs, wakeups, clock, onViewers, onEventLag }: Streaming,
  run: number,
  after: number,
  follow: Query['follow'],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const watch = wakeups.watch([`run:${run}`], signal);
  onViewers(1);
  try {
    yield `retry: ${RETRY_MS}\n\n`;
    for (let last = after, isLive = false; !signal.aborted;) {
      const { events, completed } = unwrap(await runs.events(run, last, PAGE));
      if (events.length > 0) {
        last = events.at(-1)?.id ?? last;
        const at = isLive ? /"at":"([^"]+)"/.exec(events[0]?.body ?? '')?.[1] : undefined;
        if (at !== undefined) onEventLag(Math.max(0, clock.now() - Date.parse(at)) / 1000);
        yield events.map(({ id, body }) => `id: ${id}\ndata: ${body}\n\n`).join('');
      }
      if (follow === 'run' && completed) return;
      if (events.length === PAGE) continue;
      if (follow === 'none') return;
      isLive = true;
      if (!(await watch.next(HEARTBEAT_MS))) yield ': still here\n\n';
    }
  } finally {
    onViewers(-1);
    watch.close();
  }
}

function lastEventId(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,15}$/.test(text)) throw failure('invalid', null, `Last-Event-ID is a number, not ${text.slice(0, 50)}`);
  return Number(text);
}
