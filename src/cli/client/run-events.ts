import { createParser } from 'eventsource-parser';
import { type Clock, sleep } from '../../kernel/clock.ts';
import type { RunEvent } from '../../protocol/events.ts';
import { CommandProblem } from '../command-problem.ts';
import { requestProblem } from './request-problem.ts';
import type { ServerClient } from './server-client.ts';

/** After a drop: the first, doubled up to the last. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** Without any answer for so long, the server is given up. */
export const PATIENCE_MS = 10 * 60 * 1000;

export interface EventsOptions {
  readonly client: Pick<ServerClient, 'openEvents' | 'run' | 'choice'>;
  readonly run: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The connection was lost (why), or is there again (null). */
  readonly onConnection: (lost: string | null) => void;
}

/**
 * What happens in a run, in pages of what came together, from the beginning to the end of the run. A connection that
 * drops is taken up after the last event that came: none is missed, none comes twice. Throws a `CommandProblem` when
 * the server refuses, or is away for {@link PATIENCE_MS}.
 */
export async function* runEvents(options: EventsOptions): AsyncGenerator<readonly RunEvent[]> {
  const { client, run, clock, signal, onConnection } = options;
  const seen = { last: null as string | null };
  let lostAt: number | null = null;
  let retryMs = FIRST_RETRY_MS;
  for (;;) {
    const opened = await client.openEvents(run, seen.last, signal);
    let why: string;
    if (opened.ok) {
      if (lostAt !== null) onConnection(null);
      const page: RunEvent[] = [];
      const parser = createParser({
        onEvent: ({ id, data }) => {
          seen.last = id ?? seen.last;
          page.push(JSON.parse(data) as RunEvent);
        },
      });
      try {
        const decoder = new TextDecoder();
        for await (const bytes of opened.value.body) {
          lostAt = null;
          retryMs = FIRST_RETRY_MS;
          parser.feed(decoder.decode(bytes, { stream: true }));
          if (page.length > 0) yield page.splice(0);
        }
        // A server that is about to stop ends its streams too.
        if ((await client.run(run)).state === 'completed') return;
        why = 'the server closed the connection';
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof CommandProblem && error.error?.code !== 'unavailable') throw error;
        why = error instanceof CommandProblem ? (error.error?.message ?? '') : (error as Error).message;
      }
    } else {
      const { code, reason, message } = opened.error;
      const isPassing = code === 'unavailable' || code === 'internal';
      // A server that never answered is not waited for.
      const isNobody = reason === 'network' && seen.last === null && lostAt === null;
      if (!isPassing || isNobody) throw requestProblem(opened.error, client.choice);
      why = message;
    }
    lostAt ??= clock.monotonic();
    if (clock.monotonic() - lostAt > PATIENCE_MS) {
      const error = { code: 'unavailable', reason: 'network', message: why, detail: null } as const;
      throw requestProblem(error, client.choice);
    }
    onConnection(why);
    await sleep(clock, retryMs, signal);
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }
}
