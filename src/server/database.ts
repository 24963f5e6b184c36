import type { Generated } from 'kysely';

/**
 * The tables, the same on SQLite and PostgreSQL. Times are milliseconds since the epoch of the server's clock. JSON is
 * text. Booleans are 0 and 1. Ids of runs, jobs and tokens are numbers that people see; those of attempts, runners and
 * sessions are random, so that a database restored from a backup never gives one out again.
 */
export interface Database {
  setting: { name: string; value: string };
  repo: {
    id: Generated<number>;
    name: string;
    clone_url: string | null;
    default_branch: string | null;
    created_at: number;
  };
  /** By content: plans and submissions that many runs share. */
  spec: { sha256: string; body: string };
  run: RunTable;
  /** What `flow` was told, in order: the run's truth. `seq` counts from 1. */
  run_event: { run_id: number; seq: number; at: number; body: string };
  /** Where a replay of `run_event` begins: FlowState without its input as of `version`, or null for the start. */
  run_snapshot: { run_id: number; version: number; state: string | null };
  job: JobTable;
  attempt: AttemptTable;
  /** The hot queue: one row for every attempt in state `queued`, gone when it is offered. */
  ready: {
    attempt_id: string;
    job_id: number;
    label_set_id: number;
    priority: number;
    queued_at: number;
    not_before: number;
  };
  /** Exists for attempts in `offered`, `accepted`, `running`, `disconnected`. `due_at`: when the sweeper looks. */
  lease: { attempt_id: string; session_id: string; fence: number; due_at: number };
  /** `report` is a StepReport. */
  step: { attempt_id: string; number: number; state: string; report: string };
  /** What came together is one row, see `RECORD_SEPARATOR`; `seq` and `hash` are those of its last record. */
  journal: { attempt_id: string; seq: number; hash: string; at: number; body: string };
  log_stream: {
    attempt_id: string;
    step: number;
    length: number;
    /** Those that have begun. */
    lines: number;
    /** 1: the last line has no end yet. */
    open_line: Generated<number>;
    /** What the agent says it has in all. */
    announced: number;
    sealed_length: number | null;
    sealed_hash: string | null;
    /** Why something is missing: what the agent says, or `server-limit`. */
    cut: string | null;
    /** Whether the bytes have the sealed hash: 0 not looked at, 1 yes, 2 no. */
    verified: Generated<number>;
    removed_at: number | null;
  };
  log_extent: {
    attempt_id: string;
    step: number;
    offset: number;
    length: number;
    segment: string;
    /** Of the frame, which may begin before `offset`. */
    position: number;
    /** Of the line that the first byte belongs to, from 1. */
    first_line: number;
    /** 1: that line began before the extent. */
    mid_line: Generated<number>;
  };
  /** What viewers are told, in order; `body` is a RunEvent. `id` is the Last-Event-ID. */
  event: { id: Generated<number>; run_id: number; at: number; body: string };
  runner: RunnerTable;
  /** `repositories`: JSON list of patterns. The group `default` is always there. */
  runner_group: { name: string; tier: 'trusted' | 'untrusted'; repositories: string; created_at: number };
  session: SessionTable;
  label_set: { id: Generated<number>; labels: string };
  token: TokenTable;
  nonce: { value: string; expires_at: number };
  /** `scope`: '' for the server, else a repository's name. `ciphertext`: base64, see secret-box. */
  secret: { scope: string; name: string; ciphertext: string; version: number; updated_at: number };
  variable: { scope: string; name: string; value: string; updated_at: number };
  /** Concurrency groups over runs. `scope`: the repository, or '' . One row for each that holds it and each that waits. */
  group_member: {
    scope: string;
    name: string;
    run_id: number;
    key: string;
    state: 'holds' | 'waits';
    position: number;
    /** How many may hold the group for this one to be among them. */
    capacity: Generated<number>;
  };
  /** What runs wait for in time; gone when it has happened. `held`: the run is paused, nobody looks. */
  flow_timer: { run_id: number; id: string; due_at: number; held: Generated<number> };
  schedule: {
    id: Generated<number>;
    repo_id: number;
    path: string;
    cron: string;
    timezone: string | null;
    next_at: number;
    last_at: number | null;
  };
  audit: { id: Generated<number>; at: number; actor: string; action: string; target: string; detail: string };
  /** `POST`s of people that are sent twice. */
  idempotency: { key: string; actor: string; response: string; expires_at: number };
}

interface RunTable {
  id: Generated<number>;
  repo_id: number | null;
  /** Counts the runs of a workflow in its repository. */
  number: Generated<number>;
  name: string;
  path: string;
  event: string;
  ref: string | null;
  sha: string | null;
  actor: string;
  state: 'waiting' | 'running' | 'completed';
  /** Name of the concurrency group that it waits for. */
  waiting: string | null;
  /** 1: nothing of it starts until somebody resumes it. */
  paused: Generated<number>;
  conclusion: string | null;
  /** Of the last `run_event`; a server that has the state of another version in memory reads again. */
  version: number;
  /** Spec with its workflows. */
  input_sha: string;
  /** Spec with what the run was submitted with beside them: contexts, options, exclusive jobs. */
  submission_sha: string;
  attempt: number;
  /** 1: what it runs was written by somebody who need not have any right in the repository. */
  untrusted: Generated<number>;
  /** Cause of a cancellation under way. */
  cancelling: string | null;
  priority: number;
  dedupe_key: string | null;
  created_at: number;
  started_at: number | null;
  completed_at: number | null;
}

interface JobTable {
  id: Generated<number>;
  run_id: number;
  /** Of the run's attempt: a re-run makes new rows. */
  run_attempt: number;
  key: string;
  job_id: string;
  instance: number;
  /** From 1: how many times the job was begun in the run's attempt. */
  iteration: Generated<number>;
  /** From 1: executions of this iteration, by `retry`. */
  execution: Generated<number>;
  name: string;
  matrix: string | null;
  needs: string;
  state: 'waiting' | 'queued' | 'running' | 'completed';
  /** Of one in `waiting`: flow's WaitsFor. */
  waits: string | null;
  conclusion: string | null;
  reason: string | null;
  message: string | null;
  outputs: string;
  /** Flow's StartJob command; null for a job that was settled without a start. */
  command: string | null;
  labels: string;
  label_set_id: number | null;
  priority: number;
  policy: 'at-most-once' | 'exclusive';
  attempt_no: number;
  attempt_id: string | null;
  queued_at: number | null;
  started_at: number | null;
  completed_at: number | null;
}

interface AttemptTable {
  id: string;
  job_id: number;
  run_id: number;
  no: number;
  /** Taken from one sequence of the server at every offer. */
  fence: number;
  state: string;
  conclusion: string | null;
  reason: string | null;
  lost: string | null;
  runner_id: string | null;
  session_id: string | null;
  policy: 'at-most-once' | 'exclusive';
  /** Times it went back to the queue after it was accepted. */
  returns: number;
  ack_seq: number;
  journal_hash: string;
  quarantined: number;
  cancel_cause: string | null;
  cancel_force: number;
  cancel_at: number | null;
  /** A result that came too late: stored, not applied. */
  late_report: string | null;
  queued_at: number;
  offered_at: number | null;
  accepted_at: number | null;
  started_at: number | null;
  disconnected_at: number | null;
  finished_at: number | null;
}

interface RunnerTable {
  id: string;
  name: string;
  public_key: string;
  seal_key: string;
  labels: string;
  ephemeral: number;
  /** An ephemeral runner that accepted its one job. */
  consumed: number;
  paused: number;
  created_at: number;
  last_seen: number | null;
  removed_at: number | null;
  group_name: Generated<string>;
  /** 1: registered for one job, whatever its agent says. */
  jit: Generated<number>;
}

interface SessionTable {
  id: string;
  runner_id: string;
  /** Counts up for a runner; the highest is the live one. */
  epoch: number;
  token_hash: string;
  machine_id: string;
  boot_id: string;
  version: string;
  protocol: number;
  features: string;
  labels: string;
  slots: number;
  state: 'live' | 'draining' | 'ended';
  opened_at: number;
  last_seen: number;
  expires_at: number;
  /** 0: its agent said in its last poll that it takes nothing now. */
  takes_work: Generated<number>;
  /** Why, as the agent says. */
  note: string | null;
  /** 1: its agent is to end, and has not said yet that it does. */
  leave_asked: Generated<number>;
}

interface TokenTable {
  id: Generated<number>;
  kind: 'user' | 'registration';
  name: string;
  hash: string;
  scopes: string;
  uses_left: number | null;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
  /** Of a registration token: the group that its runners are in; null: `default`. */
  group_name: string | null;
  /** Of a registration token that is good for one runner, of one job: JSON, its name and labels. */
  jit: string | null;
}
