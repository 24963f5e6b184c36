import type { LoadedAction } from '../actions/loaded-action.ts';
import type { UsesStepPlan } from '../protocol/plan.ts';
import type { CommittedStep } from './job-state.ts';
import { setIgnoringCase } from './set-ignoring-case.ts';
import { declaredName } from './step-name.ts';

/** One use of an action by one step of a job: what its pre, main and post stages share. */
export class ActionInstance {
  readonly step: UsesStepPlan;
  readonly action: LoadedAction;
  /** The composite action whose inner step this is; null for a step of the job. */
  readonly parent: ActionInstance | null;
  /** Composite actions around this one. */
  readonly depth: number;
  /** Of a composite action: by the id of the inner step. */
  readonly children = new Map<string, ActionInstance>();
  /** Children with something to do in the pre stage, in declared order. */
  readonly pres: ActionInstance[] = [];
  /** Children with something to do in the post stage, in the order in which they started. */
  readonly posts: ActionInstance[] = [];
  /** Of a composite action: how its inner steps ended, for the expressions of their post stages. */
  readonly ended = new Map<string, CommittedStep>();
  /** Of its step, evaluated when its first stage starts. */
  name: string;
  readonly #state = new Map<string, string>();

  constructor(step: UsesStepPlan, action: LoadedAction, parent: ActionInstance | null) {
    this.step = step;
    this.action = action;
    this.parent = parent;
    this.name = declaredName(step);
    this.depth = parent === null ? 0 : parent.depth + 1;
  }

  saveState(state: ReadonlyMap<string, string>): void {
    for (const [name, value] of state) setIgnoringCase(this.#state, name, value);
  }

  /** `STATE_*` for the next stage. */
  get stateVariables(): Record<string, string> {
    return Object.fromEntries([...this.#state].map(([name, value]) => [`STATE_${name}`, value]));
  }

  /** What the action changes in the `github` context, by key. */
  get githubContext(): Record<string, string> {
    const { reference, directory, manifest } = this.action;
    return {
      action: this.step.id,
      // Documented for composite actions only.
      ...(manifest.runs.using === 'composite' ? { action_path: directory } : {}),
      ...(reference.kind === 'repository'
        ? { action_repository: `${reference.owner}/${reference.name}`, action_ref: reference.ref }
        : {}),
    };
  }

  /** `pre-if` or `post-if`; the inner actions of a composite action have their own. */
  conditionOf(stage: 'pre' | 'post'): string {
    const { runs } = this.action.manifest;
    if (runs.using !== 'node') return 'always()';
    return stage === 'pre' ? runs.preIf : runs.postIf;
  }
}
