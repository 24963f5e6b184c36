import type { StatusFunctions } from '../expressions/evaluate.ts';
import type { Outcome, StepConclusion } from '../protocol/conclusion.ts';
import { type FlowEffects, mergeFlow, NO_FLOW, type StepEffects } from './step-effects.ts';
import type { JobStatus, StepsContext } from './step-scope.ts';

export interface InitialJobState {
  /** The evaluated environment of workflow and job; for a composite action the `env` of its scope. */
  readonly env: ReadonlyMap<string, string>;
  /** Directories before PATH, first searched first. */
  readonly path: readonly string[];
  /** For a composite action: the status of the job around it (`scope.jobStatus`). Null for a job. */
  readonly jobStatus: (() => JobStatus) | null;
}

/** What is committed of a step. */
export interface CommittedStep {
  readonly outcome: Outcome;
  readonly conclusion: StepConclusion;
  readonly effects: StepEffects;
}

/** Ids that the parser made up start with this and are not in the `steps` context. */
export const GENERATED_ID_PREFIX = '__';

/**
 * What later steps see of the earlier ones. Changed only by who owns it: the {@link StepsRunner} of a job, the handler
 * of a composite action for its inner steps. Every getter returns a snapshot that never changes.
 */
export class JobState {
  readonly #jobStatus: (() => JobStatus) | null;
  readonly #writtenEnv = new Map<string, string>();
  readonly #writtenPath: string[] = [];
  #flow: FlowEffects = NO_FLOW;
  #status: JobStatus = 'success';
  #env: ReadonlyMap<string, string>;
  #path: readonly string[];
  #steps: StepsContext = {};

  constructor(initial: InitialJobState) {
    this.#env = initial.env;
    this.#path = initial.path;
    this.#jobStatus = initial.jobStatus;
  }

  /** Of the job, or of the composite action so far. */
  get status(): JobStatus {
    return this.#status;
  }

  /** Of the job, also inside a composite action. */
  get jobStatus(): JobStatus {
    return this.#jobStatus?.() ?? this.#status;
  }

  get env(): ReadonlyMap<string, string> {
    return this.#env;
  }

  /** First searched first. */
  get path(): readonly string[] {
    return this.#path;
  }

  get steps(): StepsContext {
    return this.#steps;
  }

  /** `success()` and `failure()` look at the composite action where there is one, `cancelled()` at the job (2.3). */
  get statusFunctions(): StatusFunctions {
    return {
      success: this.#status === 'success',
      failure: this.#status === 'failure',
      cancelled: this.jobStatus === 'cancelled',
    };
  }

  /**
   * What the commits so far wrote to env and PATH and want of the flow, in the form of effects without outputs: a composite action returns
   * this, with its own outputs, as its effects.
   */
  get written(): StepEffects {
    const env = new Map(this.#writtenEnv);
    const flow = this.#flow === NO_FLOW ? {} : { flow: this.#flow };
    return { outputs: new Map(), env, path: [...this.#writtenPath], ...flow };
  }

  /** What the commits so far want of the flow of the run. */
  get flow(): FlowEffects {
    return this.#flow;
  }

  /**
   * Applies what a step changed and makes its outcome visible. Call once per step. The status stays: see {@link fold}.
   * `id` null, or a generated one, leaves the `steps` context alone.
   */
  commit(id: string | null, step: CommittedStep): void {
    const { env, outputs, path, flow } = step.effects;
    if (flow) this.#flow = mergeFlow(this.#flow, flow);
    if (env.size > 0) {
      this.#env = new Map([...this.#env, ...env]);
      for (const [name, value] of env) this.#writtenEnv.set(name, value);
    }
    // As GitHub's runner: an entry that is there already moves to the front (2.8).
    for (const entry of path) {
      this.#path = [entry, ...this.#path.filter((other) => other !== entry)];
      const index = this.#writtenPath.indexOf(entry);
      if (index >= 0) this.#writtenPath.splice(index, 1);
      this.#writtenPath.push(entry);
    }
    if (id === null || id.startsWith(GENERATED_ID_PREFIX)) return;
    const { outcome, conclusion } = step;
    this.#steps = { ...this.#steps, [id]: { outputs: Object.fromEntries(outputs), outcome, conclusion } };
  }

  /** Lets a conclusion count for the status: only a failure does (2.3), and a cancelled job stays cancelled. */
  fold(conclusion: StepConclusion): void {
    if (conclusion === 'failure' && this.#status === 'success') this.#status = 'failure';
  }

  /** The job (or the composite action) is being cancelled; this outranks a failure. */
  cancel(): void {
    this.#status = 'cancelled';
  }
}
