import { sql } from 'kysely';

/**
 * That somebody has the attempt. Written out, as the indexes `attempt_live_by_…` have it: what a statement is given as
 * parameters is not known when it is planned, and without them it reads every attempt there ever was.
 */
export const IS_LIVE = sql<boolean>`attempt.state in ('offered', 'accepted', 'running', 'disconnected')`;
