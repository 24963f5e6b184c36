export type MetricKind = 'counter' | 'gauge' | 'histogram';

export interface MetricDefinition {
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Of a histogram; default: seconds from 1 ms to 10 min. */
  readonly buckets?: readonly number[];
}

const FAST_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128];
export const DEFAULT_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/** What `/metrics` tells, without the prefix `paceline_`. Times are seconds. */
export const METRICS: Readonly<Record<string, MetricDefinition>> = {
  queue_depth: { kind: 'gauge', help: 'Attempts that wait for a runner.', labels: ['label_set'] },
  attempts: { kind: 'gauge', help: 'Attempts that have not ended, by state.', labels: ['state'] },
  runners: { kind: 'gauge', help: 'Registered runners, by state.', labels: ['state'] },
  database_up: { kind: 'gauge', help: 'Whether the database answers (1) or not (0).' },
  disk_free_bytes: { kind: 'gauge', help: 'What is free on the disk of the data folder.' },
  disk_size_bytes: { kind: 'gauge', help: 'Size of the disk of the data folder.' },
  log_durable_lag_bytes: { kind: 'gauge', help: 'Bytes of logs that agents have told of and that are not stored.' },
  agent_spool_bytes: { kind: 'gauge', help: 'Bytes of logs that agents still hold for attempts under way.' },
  sse_clients: { kind: 'gauge', help: 'Viewers that follow a run or a log.' },
  schedule_to_start_seconds: { kind: 'histogram', help: 'From the queue to the start of the job.' },
  offer_to_accept_seconds: { kind: 'histogram', help: 'From an offer until it was accepted.' },
  accept_to_running_seconds: { kind: 'histogram', help: 'From the acceptance to the start of the job.' },
  lease_renew_lag_seconds: { kind: 'histogram', help: 'Since the renewal before, when an agent renews a lease.' },
  sse_lag_seconds: {
    kind: 'histogram',
    help: 'From an event until it was written to a viewer.',
    buckets: FAST_SECONDS,
  },
  db_commit_seconds: { kind: 'histogram', help: 'From the first statement to the commit.', buckets: FAST_SECONDS },
  ops_per_commit: { kind: 'histogram', help: 'Operations that shared a commit.', buckets: COUNTS },
  sweeper_duration_seconds: { kind: 'histogram', help: 'One look for what is due.', buckets: FAST_SECONDS },
  http_request_seconds: {
    kind: 'histogram',
    help: 'From a request to its answer.',
    labels: ['route', 'method', 'status'],
    buckets: FAST_SECONDS,
  },
  illegal_transition_total: {
    kind: 'counter',
    help: 'Changes of an attempt that were refused.',
    labels: ['from', 'to'],
  },
  illegal_record_total: { kind: 'counter', help: 'Records that their step does not allow.', labels: ['rule'] },
  fenced_total: { kind: 'counter', help: 'Calls for an attempt that is not the callers any more.' },
  dup_records_total: { kind: 'counter', help: 'Records that had been reported before.' },
  gap_total: { kind: 'counter', help: 'Reports and log chunks that came too early.', labels: ['of'] },
  fork_total: { kind: 'counter', help: 'Attempts with two different records of the same number.' },
  late_reports_total: { kind: 'counter', help: 'Results that came after the attempt had ended.' },
  db_retries_total: { kind: 'counter', help: 'Operations run again because another was in the way.' },
  log_bytes_total: { kind: 'counter', help: 'Bytes of logs that were stored.' },
  log_damaged_total: { kind: 'counter', help: 'Frames of logs whose checksum was wrong when they were read.' },
  log_hash_mismatch_total: { kind: 'counter', help: 'Logs that are not what their agent had.' },
  retention_runs_total: { kind: 'counter', help: 'Runs removed because their time was over.' },
  retention_logs_total: { kind: 'counter', help: 'Attempts whose logs were removed to make room.' },
};
