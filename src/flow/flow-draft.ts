import type { WorkflowPlan, JobPlan } from '../protocol/plan.ts';
import type { FlowCommand } from './flow-event.ts';
import type { FlowState, GroupState, InstanceState, JobState, ScopeState } from './flow-state.ts';

/**
 * A state while one event is worked in. Reads fall through to the state, writes are kept beside it, so the state that
 * came in stays as it was. What one step brings about is put into `tasks` instead of being called, so that a chain of
 * ten thousand skipped jobs needs no stack.
 */
export class FlowDraft {
  readonly scopes: Table<ScopeState>;
  readonly jobs: Table<JobState>;
  readonly instances: Table<InstanceState>;
  readonly groups: Table<GroupState>;
  readonly commands: FlowCommand[] = [];
  readonly tasks: FlowTask[] = [];
  conclusion: FlowState['conclusion'];
  readonly #state: FlowState;

  constructor(state: FlowState) {
    this.#state = state;
    this.scopes = new Table(state.scopes);
    this.jobs = new Table(state.jobs);
    this.instances = new Table(state.instances);
    this.groups = new Table(state.groups);
    this.conclusion = state.conclusion;
  }

  get input(): FlowState['input'] {
    return this.#state.input;
  }

  workflowOf(scope: string): WorkflowPlan {
    const plan = this.input.workflows[this.scopes.get(scope).workflow];
    if (!plan) throw new RangeError(`no workflow for the scope '${scope}'`);
    return plan;
  }

  planOf(job: JobState): JobPlan {
    const plan = this.workflowOf(job.scope).jobs.find((candidate) => candidate.id === job.id);
    if (!plan) throw new RangeError(`no plan for the job '${job.id}'`);
    return plan;
  }

  finish(): FlowState {
    return {
      input: this.input,
      scopes: this.scopes.finish(),
      jobs: this.jobs.finish(),
      instances: this.instances.finish(),
      groups: this.groups.finish(),
      conclusion: this.conclusion,
    };
  }
}

export type FlowTask =
  /** A pending job whose needs are settled: decide whether and as what it runs. */
  | { readonly kind: 'begin'; readonly job: string }
  /** An open job: start instances as far as there are places. */
  | { readonly kind: 'advance'; readonly job: string }
  /** An instance that was given a group it waited for. */
  | { readonly kind: 'launch'; readonly instance: string }
  /** A scope all of whose jobs are settled. */
  | { readonly kind: 'close'; readonly scope: string };

/** A record with changes beside it. Keys come from the user, so nothing is looked up on a prototype. */
class Table<T> {
  readonly #base: Readonly<Record<string, T>>;
  readonly #changes = new Map<string, T | null>();

  constructor(base: Readonly<Record<string, T>>) {
    this.#base = base;
  }

  find(key: string): T | null {
    const changed = this.#changes.get(key);
    if (changed !== undefined) return changed;
    return Object.hasOwn(this.#base, key) ? (this.#base[key] ?? null) : null;
  }

  get(key: string): T {
    const value = this.find(key);
    if (value === null) throw new RangeError(`nothing is known of '${key}'`);
    return value;
  }

  set(key: string, value: T): void {
    this.#changes.set(key, value);
  }

  update(key: string, change: Partial<T>): T {
    const value = { ...this.get(key), ...change };
    this.set(key, value);
    return value;
  }

  delete(key: string): void {
    this.#changes.set(key, null);
  }

  entries(): [string, T][] {
    return Object.entries(this.finish());
  }

  finish(): Readonly<Record<string, T>> {
    if (this.#changes.size === 0) return this.#base;
    const merged = new Map<string, T>(Object.entries(this.#base));
    for (const [key, value] of this.#changes) {
      if (value === null) merged.delete(key);
      else merged.set(key, value);
    }
    return Object.fromEntries(merged);
  }
}
