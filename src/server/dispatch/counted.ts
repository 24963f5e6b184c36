/** Names of what operations of this room count. */
export const FENCED_TOTAL = 'fenced_total';
export const DUPLICATE_RECORDS_TOTAL = 'dup_records_total';
export const GAP_TOTAL = 'gap_total';
export const FORK_TOTAL = 'fork_total';
export const LATE_REPORTS_TOTAL = 'late_reports_total';
/** With `rule`: what a record asked for that its step does not allow. */
export const ILLEGAL_RECORD_TOTAL = 'illegal_record_total';
