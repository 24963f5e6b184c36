import type { Clock } from '../../kernel/clock.ts';
import type { LogChunk, LogReply } from '../../protocol/agent-api.ts';
import type { ApiResult } from '../../protocol/api-error.ts';
import type { LogStore } from '../log-store.ts';
import type { Store } from '../store.ts';
import type { LiveSession } from './live-session.ts';

/** For so long it is not asked again whether a session may append to a log. */
const LOG_WRITER_MS = 60_000;

/** What sessions send of logs, as far as they may. */
export class LogAppends {
  readonly #store: Store;
  readonly #logs: LogStore;
  readonly #clock: Clock;

  constructor({ store, logs, clock }: { readonly store: Store; readonly logs: LogStore; readonly clock: Clock }) {
    this.#store = store;
    this.#logs = logs;
    this.#clock = clock;
  }

  async append(session: LiveSession, { fence, ...chunk }: LogChunk): Promise<ApiResult<LogReply>> {
    const allowed = await this.#mayWrite(session, chunk.attempt, fence);
    return allowed.ok ? await this.#logs.append(chunk) : allowed;
  }

  /** One question for all chunks of an attempt that come at the same time. */
  async #mayWrite({ id, logWriters }: LiveSession, attempt: string, fence: number): Promise<ApiResult<unknown>> {
    const now = this.#clock.monotonic();
    const known = logWriters.get(attempt);
    if (known?.fence === fence && known.until > now) return await known.allowed;
    for (const [other, { until }] of logWriters) if (until <= now) logWriters.delete(other);
    const allowed = this.#store.execute('find-log-writer', { session: id, attempt, fence });
    const writer = { fence, until: now + LOG_WRITER_MS, allowed };
    logWriters.set(attempt, writer);
    const answer = await allowed;
    if (!answer.ok && logWriters.get(attempt) === writer) logWriters.delete(attempt);
    return answer;
  }
}
