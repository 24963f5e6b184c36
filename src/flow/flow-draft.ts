import type { WorkflowPlan, JobPlan } from '../protocol/plan.ts';
import type { FlowCommand } from './flow-event.ts';
import { Table } from './table.ts';
import type { FlowState, InstanceState, JobState, ScopeState } from './flow-state.ts';

/**
 * A state while one event is worked in. Reads fall through to the state, writes are kept beside it, so the state that
 * came in stays as it was. What one step brings about is put into `tasks` instead of being called, so that a chain of
 * ten thousand skipped jobs needs no stack.
 */
export class FlowDraft {
  readonly scopes: Table<ScopeState>;
  readonly jobs: Table<JobState>;
  readonly instances: Table<InstanceState>;
  readonly commands: FlowCommand[] = [];
  readonly tasks: FlowTask[] = [];
  conclusion: FlowState['conclusion'];
  group: FlowState['group'];
  problem: FlowState['problem'];
  readonly #state: FlowState;

  constructor(state: FlowState) {
    this.#state = state;
    this.scopes = new Table(state.scopes);
    this.jobs = new Table(state.jobs);
    this.instances = new Table(state.instances);
    this.group = state.group;
    this.problem = state.problem;
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
    const plan = this.workflowOf(job.scope).jobs[job.index];
    if (!plan) throw new RangeError(`no plan for the job '${job.id}'`);
    return plan;
  }

  finish(): FlowState {
    return {
      input: this.input,
      scopes: this.scopes.finish(),
      jobs: this.jobs.finish(),
      instances: this.instances.finish(),
      group: this.group,
      problem: this.problem,
      conclusion: this.conclusion,
    };
  }
}

export type FlowTask =
  /** A job one of whose instances failed: cancel the others. */
  | { readonly kind: 'fail-fast'; readonly job: string }
  /** A pending job whose needs are settled: decide whether and as what it runs. */
  | { readonly kind: 'begin'; readonly job: string }
  /** An open job: start instances as far as there are places. */
  | { readonly kind: 'advance'; readonly job: string }
  /** A scope all of whose jobs are settled. */
  | { readonly kind: 'close'; readonly scope: string };
