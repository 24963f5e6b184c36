import { timingSafeEqual } from 'node:crypto';
import type { Scope, TokenView } from '../../protocol/run-api.ts';
import { Refusal } from '../operation.ts';
import type { OperationContext } from '../operation.ts';
import { demandGroup } from '../dispatch/runner-groups.ts';
import type { JitTerms } from '../dispatch/create-jit.ts';
import { audit } from './audit.ts';
import { missingRight, type TokenGiver } from './token-rights.ts';

export interface FoundToken {
  readonly id: number;
  readonly kind: 'user' | 'registration';
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** `touch-token` is due. */
  readonly stale: boolean;
  /** What runners made by it are in. */
  readonly group: string | null;
  /** Of one that is good for one runner, of one job. */
  readonly jit: JitTerms | null;
}

/** `last_used_at` is written at most this often. */
const TOUCH_MS = 60_000;

/** Who has the token with this SHA-256. Refuses an unknown, expired or revoked one. */
export async function findToken(context: OperationContext, { hash }: { readonly hash: string }): Promise<FoundToken> {
  const row = await context.db.selectFrom('token').selectAll().where('hash', '=', hash).executeTakeFirst();
  if (!row || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash)))
    throw new Refusal('unauthorized', 'token-unknown', 'the server does not know this token');
  if (row.revoked_at !== null) throw new Refusal('unauthorized', 'token-unknown', 'this token was revoked');
  if (row.expires_at !== null && row.expires_at <= context.now)
    throw new Refusal(
      'unauthorized',
      'token-expired',
      row.jit === null ? 'this token has expired; ask for a new one' : 'this configuration has expired',
    );
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    stale: row.last_used_at === null || context.now - row.last_used_at >= TOUCH_MS,
    group: row.group_name,
    jit: row.jit === null ? null : (JSON.parse(row.jit) as JitTerms),
  };
}

export async function touchToken({ db, now }: OperationContext, { id }: { readonly id: number }): Promise<null> {
  await db
    .updateTable('token')
    .set({ last_used_at: now })
    .where('id', '=', id)
    .where((where) => where.or([where('last_used_at', 'is', null), where('last_used_at', '<=', now - TOUCH_MS)]))
    .execute();
  return null;
}

/** The registration that a registration token stands for, counted: to be called by what registers a runner. */
export async function useRegistrationToken(context: OperationContext, hash: string): Promise<FoundToken> {
  const token = await findToken(context, { hash });
  if (token.kind !== 'registration')
    throw new Refusal('unauthorized', 'scope-missing', 'a registration token is needed to register a runner');
  const used = await context.db
    .updateTable('token')
    .set((set) => ({ uses_left: set('uses_left', '-', 1), last_used_at: context.now }))
    .where('id', '=', token.id)
    .where((where) => where.or([where('uses_left', 'is', null), where('uses_left', '>', 0)]))
    .executeTakeFirst();
  if (used.numUpdatedRows === 0n)
    throw new Refusal(
      'unauthorized',
      'token-expired',
      token.jit === null
        ? 'this registration token was used as often as it may be'
        : 'this configuration was used, and is good for one runner',
    );
  return token;
}

export async function createToken(
  context: OperationContext,
  input: {
    readonly actor: string;
    readonly kind: 'user' | 'registration';
    readonly name: string;
    readonly hash: string;
    readonly scopes: readonly Scope[];
    readonly expiresMs: number | null;
    readonly uses: number | null;
    readonly group?: string;
  },
): Promise<TokenView> {
  if (input.group !== undefined) await demandGroup(context, input.group);
  const { id } = await insertToken(context, input);
  await audit(context, {
    actor: input.actor,
    action: 'token.create',
    target: `token ${id}`,
    detail: {
      name: input.name,
      kind: input.kind,
      scopes: input.scopes,
      uses: input.uses,
      ...(input.group && { group: input.group }),
    },
  });
  return await viewToken(context, id);
}

/**
 * By somebody who could have given it, see {@link missingRight}. Refuses the last token with `admin`: only who has the
 * database could make another.
 */
export async function revokeToken(
  context: OperationContext,
  { actor, by, id }: { readonly actor: string; readonly by: TokenGiver; readonly id: number },
): Promise<null> {
  const row = await context.db.selectFrom('token').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw new Refusal('not_found', null, `there is no token ${id}`);
  const scopes = JSON.parse(row.scopes) as Scope[];
  const missing = missingRight('revoke', { kind: row.kind, name: row.name, scopes }, by);
  if (missing !== null) throw new Refusal('unauthorized', 'scope-missing', missing.message, { scope: missing.scope });
  if (row.revoked_at !== null) return null;
  const admins = scopes.includes('admin') ? await liveAdminTokens(context) : [];
  if (admins.length === 1 && admins[0] === id)
    throw new Refusal('conflict', null, `token ${id} is the last one with the scope admin; make another first`);
  await context.db.updateTable('token').set({ revoked_at: context.now }).where('id', '=', id).execute();
  await audit(context, { actor, action: 'token.revoke', target: `token ${id}` });
  return null;
}

/** Two that are revoked at the same time are two answers, so what is counted stays locked. */
async function liveAdminTokens({ db, now, locks }: OperationContext): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('token')
    .select('id')
    .where('scopes', 'like', '%"admin"%')
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .orderBy('id')
    .$if(locks, (query) => query.forUpdate())
    .execute();
  return rows.map(({ id }) => id);
}

export async function listTokens(
  { db }: OperationContext,
  { cursor, limit }: { readonly cursor: number | null; readonly limit: number },
): Promise<{ tokens: TokenView[]; cursor: number | null }> {
  const rows = await db
    .selectFrom('token')
    .selectAll()
    .$if(cursor !== null, (query) => query.where('id', '<', cursor ?? 0))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const tokens = rows.slice(0, limit).map(tokenView);
  return { tokens, cursor: rows.length > limit ? (tokens.at(-1)?.id ?? null) : null };
}

/**
 * The first token of a server, with every right. Made once in the life of a database: `created` is false when it was
 * made before, whatever has become of it.
 */
export async function ensureAdminToken(
  context: OperationContext,
  { hash }: { readonly hash: string },
): Promise<{ created: boolean }> {
  const done = await context.db
    .insertInto('setting')
    .values({ name: ADMIN_SETTING, value: hash })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst();
  if (done.numInsertedOrUpdatedRows !== 1n) return { created: false };
  const { id } = await insertToken(context, {
    actor: 'server',
    kind: 'user',
    name: 'admin',
    hash,
    scopes: ['admin'],
    expiresMs: null,
    uses: null,
  });
  await audit(context, { actor: 'server', action: 'token.create', target: `token ${id}`, detail: { name: 'admin' } });
  return { created: true };
}

const ADMIN_SETTING = 'admin-token';

type TokenRow = {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly scopes: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
  readonly group_name: string | null;
  readonly uses_left: number | null;
};

async function insertToken(
  { db, now }: OperationContext,
  input: Parameters<typeof createToken>[1],
): Promise<{ id: number }> {
  return await db
    .insertInto('token')
    .values({
      kind: input.kind,
      name: input.name,
      hash: input.hash,
      scopes: JSON.stringify(input.scopes),
      uses_left: input.uses,
      created_by: input.actor,
      created_at: now,
      expires_at: input.expiresMs === null ? null : now + input.expiresMs,
      last_used_at: null,
      revoked_at: null,
      group_name: input.group ?? null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
}

async function viewToken({ db }: OperationContext, id: number): Promise<TokenView> {
  return tokenView(await db.selectFrom('token').selectAll().where('id', '=', id).executeTakeFirstOrThrow());
}

function tokenView(row: TokenRow): TokenView {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    scopes: JSON.parse(row.scopes) as string[],
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: time(row.expires_at),
    lastUsedAt: time(row.last_used_at),
    revokedAt: time(row.revoked_at),
    group: row.group_name,
    usesLeft: row.uses_left,
  };
}

function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
