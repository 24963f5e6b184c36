import { Table } from './table.ts';
import type { FlowState } from './flow-state.ts';
import type { InstanceState } from './instance-state.ts';
import type { Ended } from './iteration-state.ts';
import type { JobState } from './job-state.ts';
import type { RunConclusion } from '../protocol/conclusion.ts';

/** The words that people see for where a job is. */
export type ShownStatus =
  | 'pending'
  | 'queued'
  | 'waiting'
  | 'running'
  | 'success'
  | 'failure'
  | 'failure-ignored'
  | 'skipped'
  | 'cancelled'
  | 'withdrawn';

/** A run as it stands, for people and for tests. */
export interface ShownFlow {
  readonly run: 'pending' | 'running' | 'paused' | RunConclusion;
  /** In declared order, bodies of loops, called workflows and the jobs around a job with it. */
  readonly jobs: readonly ShownJob[];
  /** Signals that nobody has consumed yet, oldest first. */
  readonly signals: readonly { readonly name: string; readonly job: string | null }[];
}

export interface ShownJob {
  /** `build`, `caller.build`, `deploy@after.smoke`, `poll@3.look` (the third round of a loop). */
  readonly path: string;
  readonly status: ShownStatus;
  readonly reason: string | null;
  /** How many times it was begun. */
  readonly iteration: number;
  /** Of the newest iteration, in order; one without a number where there is no matrix. */
  readonly instances: readonly { readonly key: string; readonly status: ShownStatus }[];
}

/** What people see of a state. */
export function showFlow(state: FlowState): ShownFlow {
  const jobs = new Table(state.jobs);
  const scopes = new Table(state.scopes);
  const instances = new Table(state.instances);
  const shown: ShownJob[] = [];
  const visit = (scope: string): void => {
    for (const path of scopes.find(scope)?.jobs ?? []) {
      const job = jobs.get(path);
      shown.push({
        path,
        status: statusOfJob(job, instances),
        reason: job.reason ?? null,
        iteration: job.iterations,
        instances: job.instances.map((key) => ({ key, status: statusOfInstance(instances.get(key)) })),
      });
    }
  };
  // Scopes are kept in the order in which they were opened, the run's own first.
  for (const key of inOrder(scopes.entries().map(([name]) => name))) visit(key);
  return {
    run: runOf(state),
    jobs: shown,
    signals: state.signals.map(({ name, job }) => ({ name, job })),
  };
}

/** By name, the second round of a loop before the tenth. */
function inOrder(keys: readonly string[]): readonly string[] {
  const padded = keys.map(
    (key) => [key.replaceAll(/\d+/g, (digits) => digits.padStart(MAX_DIGITS, '0')), key] as const,
  );
  return padded.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)).map(([, key]) => key);
}

const MAX_DIGITS = 10;

function runOf({ conclusion, paused, scopes }: FlowState): ShownFlow['run'] {
  if (conclusion !== null) return conclusion;
  if (paused) return 'paused';
  return scopes.size === 0 ? 'pending' : 'running';
}

function statusOfJob(job: JobState, instances: Table<InstanceState>): ShownStatus {
  if (job.phase === 'settled') return ended({ conclusion: job.result ?? 'skipped', reason: job.reason });
  if (job.gated.length > 0) return 'waiting';
  if (job.phase === 'pending') return 'pending';
  const states = job.instances.map((key) => statusOfInstance(instances.get(key)));
  if (states.length === 0 || states.includes('running')) return 'running';
  if (states.includes('queued')) return 'queued';
  return states.includes('waiting') ? 'waiting' : 'running';
}

function statusOfInstance({ status }: InstanceState): ShownStatus {
  switch (status.kind) {
    case 'waiting':
    case 'launching':
    case 'retrying':
      return 'waiting';
    case 'running':
      return status.seen ? 'running' : 'queued';
    case 'calling':
      return 'running';
    case 'settled':
      return ended(status);
  }
}

function ended({ conclusion, reason }: Ended): ShownStatus {
  return conclusion === 'success' && reason === 'failure-ignored' ? 'failure-ignored' : conclusion;
}
