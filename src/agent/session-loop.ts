import type { ApiError } from '../protocol/api-error.ts';
import type { SessionKey, SessionReply, SessionRequest } from '../protocol/agent-api.ts';
import { AGENT_FEATURES, PROTOCOL_VERSION } from '../protocol/version.ts';
import type { AgentExitKind } from './agent-exit.ts';
import type { AgentState } from './agent-state.ts';
import { applyVerdicts, confirmAll, hasUnconfirmed, heldForSession } from './apply-verdicts.ts';
import { Backoff } from './backoff.ts';
import { retryAfter } from './retry-after.ts';

/** How long a live session of another machine is waited for: its agent may just have died. */
const OTHER_MACHINE_PATIENCE_MS = 240_000;

/** Keeps a session open: opens one, and a new one whenever a loop finds that the old one is worth nothing any more. */
export class SessionLoop {
  readonly #state: AgentState;
  readonly #backoff: Backoff;
  /** Requests for a session without an answer: the server may yet get one, and take it for newer than what we have. */
  #unanswered = 0;
  #otherMachineSince: number | null = null;

  constructor(state: AgentState) {
    this.#state = state;
    this.#backoff = new Backoff(() => state.ports.random());
  }

  async run(): Promise<void> {
    const state = this.#state;
    while (!state.isOver()) {
      await state.until(() => state.session === null && state.expelled === null);
      if (state.isOver()) return;
      const error = await this.#open();
      if (error === null) continue;
      this.#refuseIf(error);
      const pause = this.#backoff.next(retryAfter(error));
      state.ports.log.warn(`no session with the server: ${error.message}`, { retryInMs: Math.round(pause) });
      await state.untilOrAfter(() => false, pause);
    }
  }

  /** The session has proven to be of use. */
  confirm(): void {
    this.#backoff.reset();
  }

  /**
   * Whether an error is about the session and not about what was asked; then a new one is opened, or the agent ends.
   * Answers to a session that was replaced meanwhile say nothing about the new one.
   */
  ends(key: SessionKey, error: ApiError): boolean {
    const state = this.#state;
    const concerns =
      error.code === 'unauthorized' || error.reason === 'superseded' || error.reason === 'version-too-old';
    if (!concerns) return false;
    if (state.session?.key.session !== key.session) return true;
    state.session = null;
    if (error.reason === 'version-too-old') this.#end('refused', error);
    else if (error.reason === 'superseded' && this.#unanswered-- <= 0) this.#end('superseded', error);
    state.wake();
    return true;
  }

  async #open(): Promise<ApiError | null> {
    const { ports, attempts } = this.#state;
    const nonce = await ports.api.nonce();
    if (!nonce.ok) return nonce.error;
    const { incarnation } = this.#state;
    const request = await this.#request(nonce.value.nonce);
    if (this.#state.isOver()) return null;
    const reply = await ports.api.openSession(request);
    if (this.#state.isOver()) return null;
    if (!reply.ok) {
      if (reply.error.reason === 'network' || reply.error.code === 'internal') this.#unanswered++;
      return reply.error;
    }
    this.#otherMachineSince = null;
    await this.#begin(reply.value, incarnation);
    ports.log.info('session is open', {
      session: reply.value.session,
      attempts: attempts.open.length,
      leaseMs: reply.value.leaseMs,
    });
    return null;
  }

  /** A server whose memory went back is told of what it once had as well: with one more session. */
  async #begin(reply: SessionReply, toldTo: string | null): Promise<void> {
    const state = this.#state;
    const { session, token, incarnation, features, renewMs } = reply;
    state.incarnation = incarnation;
    await applyVerdicts(state, reply.attempts);
    if (toldTo === incarnation) await confirmAll(state);
    if (!hasUnconfirmed(state)) state.session = { key: { session, token }, incarnation, features, renewMs };
    else state.ports.log.warn('the server is another than the one that stored earlier jobs: they are told again');
    state.wake();
  }

  async #request(nonce: string): Promise<SessionRequest> {
    const { ports, settings } = this.#state;
    return {
      runner: settings.runner,
      nonce,
      signature: ports.keys.sign(`paceline-session\n${nonce}`),
      protocol: PROTOCOL_VERSION,
      version: settings.version,
      features: [...AGENT_FEATURES],
      machineId: settings.machineId,
      bootId: ports.workers.bootId,
      slots: settings.slots,
      labels: [...settings.labels],
      ephemeral: settings.ephemeral,
      takeover: settings.takeover,
      attempts: await heldForSession(this.#state),
    };
  }

  #refuseIf(error: ApiError): void {
    const now = this.#state.now;
    if (error.reason === 'version-too-old' || error.reason === 'token-unknown') this.#end('refused', error);
    if (error.reason !== 'other-machine') return;
    this.#otherMachineSince ??= now;
    if (now - this.#otherMachineSince >= OTHER_MACHINE_PATIENCE_MS) this.#end('other-machine', error);
  }

  #end(kind: AgentExitKind & keyof typeof WAY_OUT, error: ApiError): void {
    const state = this.#state;
    const message = `${error.message.replace(/\.?$/, '.')} ${WAY_OUT[kind]}`;
    state.expelled ??= { kind, message, keepsWorkers: error.reason === 'version-too-old' };
    state.wake();
  }
}

const WAY_OUT = {
  superseded: 'Another agent of this runner was started; this one ends. Register each agent under a name of its own.',
  'other-machine': 'Register this machine under a name of its own, or take over with --takeover.',
  refused: 'Register the runner again, or bring the agent to a version that the server takes.',
} as const;
