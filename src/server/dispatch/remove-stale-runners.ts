import type { OperationContext } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { IS_LIVE } from './is-live.ts';
import { SWEEP_ROWS } from './limits.ts';
import { retireRunner } from './retire-runner.ts';

export interface StaleLimits {
  /** Runners that were not seen since are removed; milliseconds since the epoch, null: none is. */
  readonly seenBefore: number | null;
  /** The same for ephemeral ones, which nobody starts again. */
  readonly ephemeralSeenBefore: number | null;
}

/**
 * Takes runners off the list that have gone without a word, a limited number at a time. One with jobs that have not
 * ended stays until they have. What jobs asked of runners, and no job asks any more, goes too.
 */
export async function removeStaleRunners(
  context: OperationContext,
  limits: StaleLimits,
): Promise<{ readonly removed: number; readonly more: boolean }> {
  const stale = await staleRunners(context, limits);
  for (const { id, name, ephemeral, last_seen } of stale) {
    await retireRunner(context, id);
    const seen = last_seen === null ? null : new Date(last_seen).toISOString();
    const detail = { runner: id, ephemeral: ephemeral === 1, lastSeenAt: seen };
    await audit(context, { actor: 'server', action: 'runner.remove', target: `runner ${name}`, detail });
  }
  await dropUnusedLabelSets(context);
  return { removed: stale.length, more: stale.length === SWEEP_ROWS };
}

function staleRunners({ db }: OperationContext, { seenBefore, ephemeralSeenBefore }: StaleLimits) {
  return db
    .selectFrom('runner')
    .select(['id', 'name', 'ephemeral', 'last_seen'])
    .where('removed_at', 'is', null)
    .where((where) =>
      where.or(
        (
          [
            [0, seenBefore],
            [1, ephemeralSeenBefore],
          ] as const
        ).map(([ephemeral, before]) =>
          where.and([
            where('ephemeral', '=', ephemeral),
            // Without a limit nothing is before it.
            where((either) => either.fn.coalesce('last_seen', 'created_at'), '<', before ?? 0),
          ]),
        ),
      ),
    )
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('attempt')
            .select('attempt.id')
            .whereRef('attempt.runner_id', '=', 'runner.id')
            .where(IS_LIVE),
        ),
      ),
    )
    .orderBy('id')
    .limit(SWEEP_ROWS)
    .execute();
}

/** A label may hold the name of a machine or the number of a run: there are new ones for ever. */
async function dropUnusedLabelSets({ db }: OperationContext): Promise<void> {
  await db
    .deleteFrom('label_set')
    .where('id', 'in', (query) =>
      query
        .selectFrom('label_set')
        .select('label_set.id')
        .where((where) =>
          where.not(
            where.exists(where.selectFrom('job').select('job.id').whereRef('job.label_set_id', '=', 'label_set.id')),
          ),
        )
        .orderBy('label_set.id')
        .limit(SWEEP_ROWS),
    )
    .execute();
}
