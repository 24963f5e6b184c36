/**
 * What a step wants to change. A step returns it; one function commits it: at once for a foreground step, at the
 * barrier for a background step. Nothing else writes job state.
 */
export interface StepEffects {
  readonly outputs: ReadonlyMap<string, string>;
  /** In the order written. */
  readonly env: ReadonlyMap<string, string>;
  /** In the order written; the last one is searched first. */
  readonly path: readonly string[];
}

export const NO_EFFECTS: StepEffects = { outputs: new Map(), env: new Map(), path: [] };
