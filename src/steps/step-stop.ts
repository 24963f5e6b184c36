import { AbortScope, causeOf, type CancelCause } from '../kernel/cancellation.ts';

/**
 * How one running step is asked to end. The signal carries the first cause for ever; what decides between cancelled and
 * timed out is `cause`, in which a request to cancel outranks the step's own time limit as long as the step runs
 * (background-steps B74). Dispose it when the step has ended.
 */
export class StepStop {
  readonly #ask = new AbortScope();
  readonly #kill = new AbortScope();
  readonly #detach: (() => void)[] = [];
  #cause: CancelCause | null = null;

  /** Either parent may be null. `stop` aborted asks for the end, `kill` aborted skips what is left of the ladder. */
  constructor(stop: AbortSignal | null, kill: AbortSignal | null) {
    this.#follow(stop, (signal) => this.ask(causeOf(signal)));
    this.#follow(kill, (signal) => this.kill(causeOf(signal)));
  }

  /** The strongest cause so far, null while nobody asked. */
  get cause(): CancelCause | null {
    return this.#cause;
  }

  get signal(): AbortSignal {
    return this.#ask.signal;
  }

  /** Aborted after `signal`, never before. */
  get killSignal(): AbortSignal {
    return this.#kill.signal;
  }

  /** The cause is set before anybody is signalled, so that who unwinds at once is classified rightly. */
  ask(cause: CancelCause): void {
    if (this.#cause === null || this.#cause === 'step-timeout') this.#cause = cause;
    this.#ask.cancel(cause);
  }

  kill(cause: CancelCause): void {
    this.ask(cause);
    this.#kill.cancel(cause);
  }

  dispose(): void {
    for (const detach of this.#detach) detach();
  }

  #follow(parent: AbortSignal | null, act: (signal: AbortSignal) => void): void {
    if (parent === null) return;
    const follow = (): void => act(parent);
    if (parent.aborted) {
      follow();
      return;
    }
    parent.addEventListener('abort', follow, { once: true });
    this.#detach.push(() => parent.removeEventListener('abort', follow));
  }
}
