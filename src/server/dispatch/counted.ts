/** Names of what operations of this room count. */
export const FENCED_TOTAL = 'fenced_total';
export const DUPLICATE_RECORDS_TOTAL = 'dup_records_total';
export const GAP_TOTAL = 'gap_total';
export const FORK_TOTAL = 'fork_total';
export const LATE_REPORTS_TOTAL = 'late_reports_total';
/** With `rule`: what a record asked for that its step does not allow. */
export const ILLEGAL_RECORD_TOTAL = 'illegal_record_total';

/** Seconds that an attempt took from one state to the next. */
export const OFFER_TO_ACCEPT_SECONDS = 'offer_to_accept_seconds';
export const ACCEPT_TO_RUNNING_SECONDS = 'accept_to_running_seconds';
export const SCHEDULE_TO_START_SECONDS = 'schedule_to_start_seconds';
/** Since the renewal of a lease before. */
export const LEASE_RENEW_LAG_SECONDS = 'lease_renew_lag_seconds';
