import type { JobFlowPlan, RunLimits } from '../protocol/flow-plan.ts';
import { DEFAULT_LIMITS } from '../protocol/flow-plan.ts';
import type { JobPlan, WorkflowPlan } from '../protocol/plan.ts';
import type { FlowCommand } from './flow-event.ts';
import type { AroundPhase, FlowState, LockState, ScopeState } from './flow-state.ts';
import { copyInstance, type InstanceState } from './instance-state.ts';
import { copyIteration, type IterationState } from './iteration-state.ts';
import { type Arrival, copyJob, type JobState, type RoundState } from './job-state.ts';
import { NO_ENTRIES, Table } from './table.ts';

/**
 * A state while one event is worked in. Reads fall through to the state, writes are kept beside it, so the state that
 * came in stays as it was. What one step brings about is put into `tasks` instead of being called, so that a chain of
 * ten thousand skipped jobs needs no stack.
 */
export class FlowDraft {
  readonly scopes: Table<ScopeState>;
  readonly jobs: Table<JobState>;
  readonly iterations: Table<IterationState>;
  readonly instances: Table<InstanceState>;
  readonly locks: Table<LockState>;
  readonly races: Table<string>;
  readonly rounds: Table<RoundState>;
  readonly arrivals: Table<Arrival>;
  readonly delivered: Table<number>;
  readonly seen: Table<true>;
  readonly commands: FlowCommand[] = [];
  /** What has been done, see `isSpent`. */
  work = 0;
  /** How much may be done; null until more was done than in a small run. */
  mayWork: number | null = null;
  /** Something was left out since too much had been done: the run has to be stopped. */
  isCut = false;
  readonly #tasks: FlowTask[] = [];
  #nextTask = 0;
  conclusion: FlowState['conclusion'];
  group: FlowState['group'];
  problem: FlowState['problem'];
  signals: FlowState['signals'];
  listeners: FlowState['listeners'];
  paused: FlowState['paused'];
  cancels: readonly string[];
  characters: number;
  stopped: FlowState['stopped'] | null;
  /** See `FlowStep.refused`. */
  refused: string | null = null;
  /** The state that came in. */
  readonly before: FlowState;

  constructor(state: FlowState) {
    this.before = state;
    this.scopes = new Table(state.scopes);
    this.jobs = new Table(state.jobs, copyJob);
    this.iterations = new Table(state.iterations, copyIteration);
    this.instances = new Table(state.instances, copyInstance);
    this.locks = new Table(state.locks);
    this.races = new Table(state.races ?? NO_ENTRIES, (winner) => winner);
    this.rounds = new Table(state.rounds);
    this.arrivals = new Table(state.arrivals);
    this.delivered = new Table(state.delivered);
    this.seen = new Table(state.seen);
    this.group = state.group;
    this.problem = state.problem;
    this.signals = state.signals;
    this.listeners = state.listeners;
    this.paused = state.paused;
    this.conclusion = state.conclusion;
    this.cancels = state.cancels ?? [];
    this.characters = state.characters ?? 0;
    this.stopped = state.stopped ?? null;
  }

  get input(): FlowState['input'] {
    return this.before.input;
  }

  push(task: FlowTask): void {
    this.work++;
    this.#tasks.push(task);
  }

  get hasTask(): boolean {
    return this.#nextTask < this.#tasks.length;
  }

  nextTask(): FlowTask | null {
    const task = this.#tasks[this.#nextTask++];
    return task ?? null;
  }

  workflowOf(scope: string): WorkflowPlan {
    const plan = this.input.workflows[this.scopes.get(scope).workflow];
    if (!plan) throw new RangeError(`no workflow for the scope '${scope}'`);
    return plan;
  }

  planOf(job: Pick<JobState, 'scope' | 'index' | 'id'>): JobPlan {
    const plan = this.plansOf(this.scopes.get(job.scope))[job.index];
    if (!plan) throw new RangeError(`no plan for the job '${job.id}'`);
    return plan;
  }

  plansOf({ source, workflow }: Pick<ScopeState, 'source' | 'workflow'>): readonly JobPlan[] {
    const around = this.input.workflows[workflow];
    switch (source.kind) {
      case 'workflow':
        return around?.jobs ?? [];
      case 'finally':
        return around?.flow?.finally ?? [];
      case 'around':
        return aroundPlans(this.planOfIteration(source.iteration).flow, source.phase);
      case 'round': {
        const plan = this.planOfIteration(source.iteration);
        return plan.kind === 'loop' ? plan.jobs : [];
      }
    }
  }

  planOfIteration(key: string): JobPlan {
    return this.planOf(this.jobs.get(this.iterations.get(key).job));
  }

  limitsOf(scope: string): { readonly [Limit in keyof RunLimits]: number } {
    const { limits } = this.workflowOf(scope).flow ?? {};
    return {
      maxJumps: limits?.maxJumps ?? DEFAULT_LIMITS.maxJumps,
      maxDepth: limits?.maxDepth ?? DEFAULT_LIMITS.maxDepth,
    };
  }

  finish(): FlowState {
    return {
      input: this.input,
      scopes: this.scopes.finish(),
      jobs: this.jobs.finish(),
      iterations: this.iterations.finish(),
      instances: this.instances.finish(),
      locks: this.locks.finish(),
      races: this.races.finish(),
      rounds: this.rounds.finish(),
      arrivals: this.arrivals.finish(),
      delivered: this.delivered.finish(),
      seen: this.seen.finish(),
      signals: this.signals,
      listeners: this.listeners,
      paused: this.paused,
      group: this.group,
      problem: this.problem,
      conclusion: this.conclusion,
      ...(this.cancels.length > 0 && { cancels: this.cancels }),
      ...(this.characters > 0 && { characters: this.characters }),
      ...(this.stopped && { stopped: this.stopped }),
    };
  }
}

export function aroundPlans(flow: JobFlowPlan | undefined, phase: AroundPhase): readonly JobPlan[] {
  if (!flow) return [];
  switch (phase) {
    case 'before':
      return flow.before;
    case 'after':
      return flow.after;
    case 'on-failure':
      return flow.onFailure;
    case 'on-cancel':
      return flow.onCancel;
    case 'finally':
      return flow.finally;
  }
}

export type FlowTask =
  /** An iteration one of whose instances failed: cancel the others. */
  | { readonly kind: 'fail-fast'; readonly iteration: string }
  /** A job of whose needs something is new: decide whether and as what it runs. */
  | { readonly kind: 'consider'; readonly job: string }
  /** An iteration that waits before its start: see whether it has to. */
  | { readonly kind: 'gate'; readonly iteration: string }
  /** An iteration in its main part: start instances as far as there are places. */
  | { readonly kind: 'advance'; readonly iteration: string }
  /** A scope all of whose jobs are settled. */
  | { readonly kind: 'close'; readonly scope: string }
  /** An instance that has got a lock that it waited for. */
  | { readonly kind: 'launch'; readonly key: string }
  /** Of a run that was paused: an instance or a gate that was held, a timer that was over meanwhile. */
  | { readonly kind: 'release'; readonly key: string }
  | { readonly kind: 'timer'; readonly id: string };
