/**
 * What an agent has to end a job properly after it was asked to, post steps included: the five minutes of the runner's
 * own limit and what it needs around it. Then the server writes the attempt off, a lease later at most.
 */
export const CANCEL_GRACE_MS = 360_000;
/** The same without post steps. */
export const FORCE_GRACE_MS = 60_000;

/** A session that was not heard of for so long counts as gone: shown as offline, and its name can be taken over. */
export const SESSION_SILENCE_MS = 90_000;

/** A declined attempt is not offered to anybody for so long, and not to the same session for {@link DECLINE_MEMORY_MS}. */
export const DECLINE_BACKOFF_MS = 1_000;
export const DECLINE_MEMORY_MS = 5_000;

/** An attempt whose agent went away before it began is offered again after so long, times the returns so far. */
export const RETURN_BACKOFF_MS = 1_000;

/** After the lease of an exclusive job, for clocks that do not run at the same rate. */
export const EXCLUSIVE_MARGIN_MS = 5_000;

/** Rows that one operation of the sweeper or the dispatcher takes at most. */
export const SWEEP_ROWS = 200;
export const OFFERS_AT_ONCE = 256;

/** Logs may still come so long after an attempt has finished. */
export const LOGS_AFTER_FINISH_MS = 86_400_000;

/**
 * Added to the time from which something is offered while its run is paused: beyond every time that comes.
 */
export const PAUSED_MS = 4_000_000_000_000_000;

/** Ids in one statement: databases limit parameters. */
export const IDS_PER_STATEMENT = 1_000;
