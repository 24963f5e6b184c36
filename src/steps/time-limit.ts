import { type Context, createContext, Script } from 'node:vm';

/**
 * Interrupts synchronous work. Only `node:vm` can stop a regular expression in the thread it runs in. A run costs about
 * 0.1 ms, so it is made for blocks of lines.
 */
export class TimeLimit {
  readonly timeoutMs: number;
  readonly #script = new Script('run()');
  #context: Context | null = null;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  /** True when `work` came to its end in time. Else it was left in the middle, also out of `finally` blocks. */
  run(work: () => void): boolean {
    // Made when there is a first matcher: a context costs more than a run.
    this.#context ??= createContext({});
    this.#context.run = work;
    try {
      this.#script.runInContext(this.#context, { timeout: this.timeoutMs });
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
      throw cause;
    }
  }
}
