import { type RawBuilder, sql, type SqlBool } from 'kysely';
import type { AuditEntry } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';

export interface AuditRecord {
  /** Who: a {@link actorName}, `runner NAME`, `account NAME` of the server's machine, or `server`. */
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

export interface AuditFilter {
  readonly cursor: number | null;
  readonly limit: number;
  /** Milliseconds of the epoch. */
  readonly since?: number | undefined;
  /** As written down, or what stands before ` (token N)`. */
  readonly actor?: string | undefined;
  /** As written down, or what stands before the dot. */
  readonly action?: string | undefined;
}

/** Newest first. */
export async function listAudit(
  { db }: OperationContext,
  { cursor, limit, since, actor, action }: AuditFilter,
): Promise<{ entries: AuditEntry[]; cursor: number | null }> {
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .$if(cursor !== null, (query) => query.where('id', '<', cursor ?? 0))
    .$if(since !== undefined, (query) => query.where('at', '>=', since ?? 0))
    .$if(actor !== undefined, (query) => query.where(isOrBegins('actor', actor ?? '', ' (token ')))
    .$if(action !== undefined, (query) => query.where(isOrBegins('action', action ?? '', '.')))
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

/** The column is the text, or begins with the text and the separator. Not LIKE, which has characters of its own. */
function isOrBegins(column: 'actor' | 'action', text: string, separator: string): RawBuilder<SqlBool> {
  const name = sql.ref(column);
  const beginning = sql`cast(${text + separator} as text)`;
  return sql<SqlBool>`(${name} = ${text} or substr(${name}, 1, length(${beginning})) = ${beginning})`;
}
