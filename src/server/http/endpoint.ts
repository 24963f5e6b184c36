import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Scope } from '../../protocol/run-api.ts';
import type { Priority } from './admission.ts';

/**
 * Who may ask. `scope`: a user token that has it, or one of `or`, or `admin`. `registration`, `session`: a token of that kind, which the
 * service behind the route knows more of.
 */
export type Access =
  | { readonly kind: 'open' }
  | { readonly kind: 'scope'; readonly scope: Scope; readonly or?: readonly Scope[] }
  | { readonly kind: 'registration' }
  | { readonly kind: 'session' };

/** Who asks with a user token. */
export interface Caller {
  /** As audited: `NAME (token 3)`. */
  readonly actor: string;
  /** The token's name: `github.actor` of what it starts. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The only one that it makes runners of; null: any. */
  readonly group: string | null;
}

/** A request that may be answered: checked, and allowed. */
export interface Call<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  /** Of `registration` and `session`. */
  readonly token: string;
  readonly header: (name: string) => string | undefined;
  /** Aborted when the asker has gone, or the server stops. */
  readonly signal: AbortSignal;
  /** Cuts the connection: for a reader that does not read. */
  readonly cut: () => void;
}

/** `json`: the schema's output. `text`, `ndjson`, `events`: the route answers with a Response of its own. */
export type ReplyKind = 'json' | 'text' | 'ndjson' | 'events' | 'none';

interface Definition<Params, Query, Body, Reply> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** `/v1/runs/{run}` */
  readonly path: string;
  /** One line, for the document. */
  readonly summary: string;
  readonly access: Access;
  readonly priority?: Priority;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  /** `json`: checked. `bytes`: given as a Buffer. */
  readonly body?:
    | {
        readonly kind: 'json';
        readonly schema: z.ZodType<Body>;
        readonly maxBytes: number;
        /** No body at all is an `undefined` for the schema. */
        readonly optional?: boolean;
      }
    | { readonly kind: 'bytes'; readonly maxBytes: number };
  readonly reply: { readonly kind: ReplyKind; readonly schema?: z.ZodType<Reply>; readonly status: number };
  /** Beside 400, 401, 403 and what every route may answer: statuses for the document. */
  readonly errors: readonly number[];
  /** A POST of people that may be sent twice with the same `Idempotency-Key`. */
  readonly idempotent?: boolean;
  /** Waits for long, and holds no place among the requests at work. */
  readonly held?: boolean;
  readonly handle: (call: Call<Params, Query, Body>) => Promise<Reply | Response>;
}

/** One method of one path: what the document says of it and how it is answered, in one place. */
export type Endpoint = Definition<unknown, unknown, unknown, unknown>;

/** What Node.js has of a request. */
export interface Bindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** Checks that the handler fits the schemas, then forgets them. */
export function endpoint<Params = undefined, Query = undefined, Body = undefined, Reply = unknown>(
  definition: Definition<Params, Query, Body, Reply>,
): Endpoint {
  // The pipeline gives the handler only what these schemas made, so the types are as they were checked here.
  return definition as unknown as Endpoint;
}
