import { sql } from 'kysely';
import type { OperationContext } from '../operation.ts';

/** Of two transactions that look for the same thing and make it when it is not there, one comes first. */
export async function lockText({ db, locks }: OperationContext, text: string): Promise<void> {
  if (locks) await sql`select pg_advisory_xact_lock(hashtextextended(${text}, 0))`.execute(db);
}
