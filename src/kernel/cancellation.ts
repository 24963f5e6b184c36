import { setMaxListeners } from 'node:events';

/** Who or what asked for an end. The first cause wins: a signal carries one cancellation for ever. */
export type CancelCause =
  /** A `cancel` step named this background step. */
  | 'cancel-step'
  /** The step's own time limit. */
  | 'step-timeout'
  /** The job's time limit. */
  | 'job-timeout'
  /** A person, or the control server on a person's behalf. */
  | 'user'
  /** A matrix sibling failed. */
  | 'fail-fast'
  /** A newer run took the concurrency group. */
  | 'concurrency'
  /** The flow of the run made the job needless. */
  | 'withdrawn'
  /** The agent of the job has to end, and the job did not in the time it had. */
  | 'drained'
  /** The process that runs the job has to end. */
  | 'shutdown';

/** The only thing that is ever a `signal.reason` here. */
export class Cancellation extends Error {
  override readonly name = 'Cancellation';
  readonly kind: CancelCause;

  constructor(cause: CancelCause) {
    super(`cancelled: ${cause}`);
    this.kind = cause;
  }
}

/** The cause of an aborted signal. Every abort in the code base goes through {@link AbortScope}, so there is one. */
export function causeOf(signal: AbortSignal): CancelCause {
  return signal.reason instanceof Cancellation ? signal.reason.kind : 'shutdown';
}

/**
 * One node of the abort tree: process → job → step. Ending a scope ends its children with the same reason.
 * `dispose` detaches it from its parent; who opens a scope disposes it in a `finally`. (`AbortSignal.any` is not used:
 * on Node 20 a long-lived source retains every dependant.)
 */
export class AbortScope {
  readonly #controller = new AbortController();
  #detach: () => void = () => undefined;

  constructor(parent?: AbortSignal) {
    // A job's signal has a listener for each step that runs or queues: more than the ten that Node.js takes for a leak.
    setMaxListeners(0, this.#controller.signal);
    if (!parent) return;
    const follow = (): void => this.#controller.abort(parent.reason);
    if (parent.aborted) follow();
    else {
      parent.addEventListener('abort', follow, { once: true });
      this.#detach = () => parent.removeEventListener('abort', follow);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cancel(cause: CancelCause): void {
    if (!this.signal.aborted) this.#controller.abort(new Cancellation(cause));
  }

  dispose(): void {
    this.#detach();
  }
}
