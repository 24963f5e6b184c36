import type { ActionStepPlan, Template } from '../protocol/plan.ts';

/** What an `action.yml` says, normalised. Strings may hold `${{ }}`. */
export interface ActionManifest {
  readonly name: string | null;
  readonly description: string | null;
  /** By name as written; names are compared without regard to case. In declared order. */
  readonly inputs: Readonly<Record<string, ActionInput>>;
  /** Of a composite action: evaluated when its steps have ended. */
  readonly outputs: Readonly<Record<string, { readonly value: Template }>>;
  readonly runs: ActionRuns;
}

export interface ActionInput {
  /** Null when absent. */
  readonly default: Template;
  readonly required: boolean;
  readonly deprecationMessage: string | null;
  readonly description: string | null;
}

export type ActionRuns = CompositeRuns | NodeRuns | DockerRuns;

export interface CompositeRuns {
  readonly using: 'composite';
  readonly steps: readonly ActionStepPlan[];
}

export interface NodeRuns {
  readonly using: 'node';
  /** As asked for: 12, 16, 20, 24. */
  readonly version: number;
  /** Paths relative to the folder of the manifest. */
  readonly main: string;
  readonly pre: string | null;
  /** Taken as it is, without an implied `success()`; `always()` when absent. */
  readonly preIf: string;
  readonly post: string | null;
  readonly postIf: string;
}

/** Recognised, not run. */
export interface DockerRuns {
  readonly using: 'docker';
  /** `docker://…` or the name of a file such as `Dockerfile`. */
  readonly image: string;
}
