import { CompiledQuery, type Kysely } from 'kysely';
import type { ApiError, ApiResult } from '../../protocol/api-error.ts';
import type { Database } from '../database.ts';
import { type Operation, Refusal, type WakeTopic } from '../operation.ts';
import { classifyFailure } from './database-failure.ts';
import { OperationScope, type ScopeSources, TransactionEffects } from './operation-scope.ts';
import type { RunStateCache } from './run-state-cache.ts';
import { ILLEGAL_TRANSITION_TOTAL, type StoreMetric, type StoreNote } from './store-metric.ts';

/** An operation that somebody waits for. */
export interface Request {
  readonly name: string;
  readonly operation: Operation<unknown, unknown>;
  readonly input: unknown;
  /** Times it was run, waited for others, and they did not make way. */
  readonly tries: number;
}

/**
 * What became of a request. `again`: others were in its way, and nothing of it is left in the database; it is to be run
 * once more. `first`: although it was the first of its transaction and waited for them. `lost`: the database failed, and
 * whether it was committed is not known.
 */
export type Outcome =
  | {
      readonly kind: 'answer';
      readonly result: ApiResult<unknown>;
      readonly counted: readonly StoreMetric[];
      readonly notes: readonly StoreNote[];
    }
  | { readonly kind: 'again'; readonly first: boolean }
  | { readonly kind: 'lost'; readonly message: string };

export interface BatchResult {
  /** For each request, in order. */
  readonly outcomes: readonly Outcome[];
  readonly topics: readonly WakeTopic[];
}

/**
 * Each is one question, whatever it says: the way to PostgreSQL and back is what a short transaction takes most of its
 * time for. The savepoint of the operation that is run is called `operation`.
 */
export interface BatchCommands {
  /** Begins the transaction and sets the savepoint of its first operation, which may wait for the locks of others. */
  readonly begin: string;
  /**
   * Keeps what was done, and sets the savepoint anew. What comes now does not wait for others: it would do so with the
   * locks of the ones before it in its hands, which the others may be waiting for.
   */
  readonly next: string;
  /** Back to the savepoint, which stays. */
  readonly undo: string;
}

export interface BatchOptions {
  readonly commands: BatchCommands;
  readonly sources: ScopeSources;
  readonly cache: RunStateCache;
  /** Called before the commit and after it. */
  readonly onCommit: (moment: 'before' | 'after') => void;
  /** Told of errors that are bugs. */
  readonly onBug: (name: string, error: unknown) => void;
}

/**
 * Runs requests in one transaction, each undone alone when it refuses, and commits. Never throws: a database that fails
 * is an outcome of every request.
 */
export async function runBatch(
  db: Kysely<Database>,
  requests: readonly Request[],
  options: BatchOptions,
): Promise<BatchResult> {
  const { begin, next, undo } = options.commands;
  const effects = new TransactionEffects(options.cache);
  const outcomes: Outcome[] = [];
  try {
    await db.connection().execute(async (own) => {
      const connection = await own.getExecutor().provideConnection((one) => Promise.resolve(one));
      const say = async (command: string): Promise<void> => {
        await connection.executeQuery(CompiledQuery.raw(command));
      };
      try {
        await say(begin);
        for (const [index, request] of requests.entries()) {
          const scope = new OperationScope(own, connection, options.sources, effects);
          const outcome = await runOne(request, scope, { ...options, first: index === 0 });
          outcomes.push(outcome);
          if (outcome.kind === 'answer' && outcome.result.ok) effects.keep(scope);
          else await say(undo);
          if (index + 1 < requests.length) await say(next);
        }
        options.onCommit('before');
        await say('commit');
        options.onCommit('after');
      } catch (error) {
        // The first error is the one that counts: after most of them there is no transaction left to undo.
        await say('rollback').catch(() => undefined);
        throw error;
      }
    });
  } catch (error) {
    const failure = classifyFailure(error);
    if (failure.kind === 'operation') options.onBug('commit', error);
    const outcome: Outcome =
      failure.kind === 'conflict'
        ? { kind: 'again', first: true }
        : { kind: 'lost', message: error instanceof Error ? error.message : String(error) };
    return { outcomes: requests.map(() => outcome), topics: [] };
  }
  effects.runs.applyTo(options.cache);
  return { outcomes, topics: [...effects.topics] };
}

/** @throws what makes the whole transaction worthless. */
async function runOne(
  request: Request,
  scope: OperationScope,
  { onBug, first }: Pick<BatchOptions, 'onBug'> & { readonly first: boolean },
): Promise<Outcome> {
  const refuse = (error: ApiError): Outcome => ({
    kind: 'answer',
    result: { ok: false, error },
    counted: scope.counted,
    // What was undone is not worth a word.
    notes: [],
  });
  try {
    const value = await request.operation(scope, request.input);
    return { kind: 'answer', result: { ok: true, value }, counted: scope.counted, notes: scope.notes };
  } catch (error) {
    if (error instanceof Refusal) {
      const { code, reason, message, detail } = error;
      return refuse({ code, reason, message, detail });
    }
    const failure = classifyFailure(error);
    switch (failure.kind) {
      case 'unreachable':
        throw error;
      case 'conflict':
        return { kind: 'again', first };
      case 'illegal-transition': {
        const { from, to } = failure;
        scope.count(ILLEGAL_TRANSITION_TOTAL, { from, to });
        return refuse({
          code: 'conflict',
          reason: 'illegal-transition',
          message: `An attempt that is ${from} does not become ${to}.`,
          detail: { from, to },
        });
      }
      case 'operation':
        onBug(request.name, error);
        return refuse({
          code: 'internal',
          reason: null,
          message: `The server failed at '${request.name}'; its diagnostic log says how.`,
          detail: null,
        });
    }
  }
}
