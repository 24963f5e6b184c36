import type { Bindings, Call } from './endpoint.ts';
import type { HeldRequests } from './held-requests.ts';

type Known = Pick<Call<unknown, unknown, unknown>, 'params' | 'query' | 'body' | 'caller' | 'token'>;

/** A request over HTTP that has been read. A class: with accessors of its own each of them would have a shape of its own. */
export class HttpCall implements Call<unknown, unknown, unknown> {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: Known['caller'];
  readonly token: string;
  readonly #incoming: Bindings['incoming'];
  readonly #outgoing: Bindings['outgoing'];
  readonly #held: HeldRequests;
  #signal: AbortSignal | null = null;

  constructor(
    { params, query, body, caller, token }: Known,
    incoming: Bindings['incoming'],
    outgoing: Bindings['outgoing'],
    held: HeldRequests,
  ) {
    this.params = params;
    this.query = query;
    this.body = body;
    this.caller = caller;
    this.token = token;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#held = held;
  }

  // Properties, so that a handler may take its call apart.
  readonly header = (name: string): string | undefined => {
    const value = this.#incoming.headers[name];
    return typeof value === 'string' ? value : undefined;
  };

  /** Made only where it is asked for: ten thousand held polls need one each, a short request none. */
  get signal(): AbortSignal {
    return (this.#signal ??= this.#held.hold(this.#outgoing));
  }

  readonly cut = (): void => {
    this.#outgoing.destroy();
  };
}
