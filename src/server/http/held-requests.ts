import type { ServerResponse } from 'node:http';
import { AbortScope } from '../../kernel/cancellation.ts';

/** Requests that wait or stream: each is ended when its asker goes, all when the server stops. */
export class HeldRequests {
  readonly #scopes = new Set<AbortScope>();
  #isStopping = false;

  get size(): number {
    return this.#scopes.size;
  }

  /** Aborted when nobody is there any more to answer, or the server stops. */
  hold(outgoing: ServerResponse): AbortSignal {
    const scope = new AbortScope();
    this.#scopes.add(scope);
    const gone = (): void => {
      this.#scopes.delete(scope);
      scope.cancel('user');
    };
    outgoing.once('close', gone);
    if (outgoing.destroyed) gone();
    if (this.#isStopping) scope.cancel('shutdown');
    return scope.signal;
  }

  /** Those that come later are ended at once. */
  stop(): void {
    this.#isStopping = true;
    for (const scope of this.#scopes) scope.cancel('shutdown');
  }
}
