import { agentExit, type AgentExit, type AgentExitKind } from './agent-exit.ts';
import type { AgentState } from './agent-state.ts';
import type { AttemptPhase, HeldAttempt } from './held-attempt.ts';
import { Backoff } from './backoff.ts';
import { retryAfter } from './retry-after.ts';
import type { SessionLoop } from './session-loop.ts';

/** How long an agent without anything to send waits for the server to say that it will offer nothing more. */
const FAREWELL_MS = 5_000;
/** How long one that kills its jobs still tries to tell. */
const KILLED_FLUSH_MS = 5_000;

const AT_WORK: ReadonlySet<AttemptPhase> = new Set(['waiting', 'running', 'closing']);

/**
 * Decides when the agent ends: what runs comes to its end, then results and logs are sent as long as that is worth it,
 * then the session is closed.
 */
export class EndingLoop {
  readonly #state: AgentState;
  readonly #sessions: SessionLoop;
  /** Session that was told that no more work is wanted. */
  #drained: string | null = null;
  #hadWork = false;

  constructor(state: AgentState, sessions: SessionLoop) {
    this.#state = state;
    this.#sessions = sessions;
  }

  async run(): Promise<void> {
    const state = this.#state;
    await this.#untilLeaving();
    if (state.expelled === null) {
      const telling = this.#drainSessions();
      await this.#finishWork();
      await this.#flush();
      if (state.session !== null) await state.ports.api.closeSession(state.session.key);
      state.exit = this.#exit();
      state.wake();
      await telling;
    } else {
      await this.#abandonWork();
      const { kind, message } = state.expelled;
      state.exit = agentExit(kind, message, state.attempts.open.length > 0);
      state.wake();
    }
  }

  async #untilLeaving(): Promise<void> {
    const state = this.#state;
    const leaves = (): boolean => state.stage !== 'work' || state.expelled !== null;
    const { idleTimeoutMs } = state.settings;
    while (!leaves()) {
      await state.until(() => leaves() || !this.#isBusy());
      const busy = (): boolean => leaves() || this.#isBusy();
      if (idleTimeoutMs === null) await state.until(busy);
      else await state.untilOrAfter(busy, idleTimeoutMs);
      if (!busy()) state.advance('leave', 'idle');
    }
  }

  /** Asks of every session that is had until the end that it makes no offers. */
  async #drainSessions(): Promise<void> {
    const state = this.#state;
    const backoff = new Backoff(() => state.ports.random());
    while (!state.isOver()) {
      const { session } = state;
      if (session === null || session.key.session === this.#drained) {
        await state.until(() => state.session !== session);
        continue;
      }
      const result = await state.ports.api.drain(session.key);
      if (result.ok) {
        this.#drained = session.key.session;
        state.ports.log.info('server makes no more offers', { outstanding: result.value.outstanding.length });
        state.wake();
      } else if (!this.#sessions.ends(session.key, result.error))
        await state.untilOrAfter(() => state.session !== session, backoff.next(retryAfter(result.error)));
    }
  }

  /** Until nothing runs; on the way down the stages. */
  async #finishWork(): Promise<void> {
    const state = this.#state;
    this.#hadWork = this.#isBusy();
    while (this.#isBusy()) {
      const { stage } = state;
      if (stage === 'cancel')
        for (const attempt of this.#atWork()) attempt.askCancel({ cause: 'shutdown', force: false });
      if (stage === 'kill')
        for (const attempt of this.#atWork())
          attempt.doom({ kind: 'lost', cause: 'runner-died', why: 'the agent was told to kill its jobs' });
      state.wake();
      const count = this.#atWork().length;
      const changed = (): boolean => state.stage !== stage || !this.#isBusy() || this.#atWork().length !== count;
      if (stage === 'leave' && state.drainBy !== null) {
        await state.untilOrAfter(changed, state.drainBy - state.now);
        if (state.now >= state.drainBy) state.advance('cancel', 'drained');
      } else await state.until(() => changed() || (stage === 'leave' && state.drainBy !== null));
    }
  }

  async #flush(): Promise<void> {
    const state = this.#state;
    const limit = state.stage === 'kill' ? KILLED_FLUSH_MS : state.settings.flushTimeoutMs;
    const by = state.now + limit;
    const killed = (): boolean => state.stage === 'kill' && limit !== KILLED_FLUSH_MS;
    await state.untilOrAfter(() => state.attempts.open.length === 0 || killed(), limit);
    const toldBy = Math.min(by, state.now + FAREWELL_MS);
    const isTold = (): boolean => state.session !== null && state.session.key.session === this.#drained;
    await state.untilOrAfter(() => isTold() || killed(), toldBy - state.now);
  }

  /** The server will not have us: what runs is not ours any more, unless it is only our version that is refused. */
  async #abandonWork(): Promise<void> {
    const state = this.#state;
    const { expelled } = state;
    const leaves = this.#atWork().filter(({ meta }) => !expelled?.keepsWorkers || meta.policy === 'exclusive');
    for (const attempt of leaves) attempt.doom({ kind: 'fenced', why: expelled?.message ?? 'the agent ends' });
    state.wake();
    await state.until(() => leaves.every(({ isOver }) => isOver));
  }

  #atWork(): readonly HeldAttempt[] {
    return this.#state.attempts.open.filter(({ phase }) => AT_WORK.has(phase));
  }

  #isBusy(): boolean {
    return this.#state.accepting.size > 0 || this.#atWork().length > 0;
  }

  #exit(): AgentExit {
    const { stage, leaving, attempts } = this.#state;
    const unsent = attempts.open.length > 0;
    const kind: AgentExitKind =
      this.#hadWork && stage === 'cancel'
        ? 'cancelled'
        : this.#hadWork && stage === 'kill'
          ? 'killed'
          : (leaving ?? 'drained');
    const rest = unsent ? ' Some of its results or logs are not sent yet; the next start sends them.' : '';
    return agentExit(kind, `${SENTENCES[kind]}${rest}`, unsent);
  }
}

const SENTENCES: Readonly<Record<AgentExitKind, string>> = {
  drained: 'The agent has ended; its jobs had ended by themselves.',
  cancelled: 'The agent has ended; jobs were cancelled for it.',
  killed: 'The agent has ended; jobs were killed for it.',
  consumed: 'The agent has ended after its one job.',
  idle: 'The agent has ended after it had nothing to do for the configured time.',
  left: 'The agent has ended because its server said so: it was drained there, or has done its one job.',
  superseded: '',
  'other-machine': '',
  refused: '',
};
