import type { AuditEntry } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';

export interface AuditRecord {
  /** Who: a {@link actorName}, `runner NAME`, or `server`. */
  readonly actor: string;
  /** What, such as `run.cancel`, `secret.set`, `token.revoke`. */
  readonly action: string;
  /** To what, such as `run 12`, `secret owner/name/KEY`. */
  readonly target: string;
  /** Never a secret, never a token. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Writes down who changed what, in the transaction of the change. Every operation that somebody asked for calls it. */
export async function audit({ db, now }: OperationContext, record: AuditRecord): Promise<void> {
  const { actor, action, target, detail = {} } = record;
  await db
    .insertInto('audit')
    .values({ at: now, actor, action, target, detail: JSON.stringify(detail) })
    .execute();
}

/** Newest first. */
export async function listAudit(
  { db }: OperationContext,
  { cursor, limit }: { readonly cursor: number | null; readonly limit: number },
): Promise<{ entries: AuditEntry[]; cursor: number | null }> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .$if(cursor !== null, (query) => query.where('id', '<', cursor ?? 0))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const entries = rows.slice(0, limit).map(({ id, at, actor, action, target, detail }) => ({
    id,
    at: new Date(at).toISOString(),
    actor,
    action,
    target,
    detail: JSON.parse(detail) as Record<string, unknown>,
  }));
  return { entries, cursor: rows.length > limit ? (entries.at(-1)?.id ?? null) : null };
}
