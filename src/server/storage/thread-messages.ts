import type { ApiResult } from '../../protocol/api-error.ts';
import type { ServerSettings, WakeTopic } from '../operation.ts';
import type { StoreMetric, StoreNote } from './store-metric.ts';

/** What a store's thread is started with. */
export interface ThreadData {
  readonly database: string;
  readonly node: string;
  readonly settings: ServerSettings;
  /** Whether anybody reads what operations have to say. */
  readonly notes: boolean;
  /** See `failpointAt`; null outside tests. */
  readonly failpoint: string | null;
}

/** To the thread. `close` is the last. */
export type ToThread =
  | {
      readonly kind: 'requests';
      readonly requests: readonly { readonly id: number; readonly name: string; readonly input: unknown }[];
    }
  | { readonly kind: 'close' };

/** From the thread: first whether it is open, then what came of one turn of its loop. */
export type FromThread =
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly error: { readonly name: string; readonly message: string } }
  | Told;

export interface Told {
  readonly kind: 'told';
  readonly answers: readonly { readonly id: number; readonly result: ApiResult<unknown> }[];
  readonly topics: readonly WakeTopic[];
  readonly metrics: readonly StoreMetric[];
  readonly notes: readonly StoreNote[];
  readonly troubles: readonly string[];
}
