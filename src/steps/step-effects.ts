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
  /** Absent for nothing. */
  readonly flow?: FlowEffects;
}

/** What a step wants of the flow of its run when its job has ended. Of several steps the last one that says it counts. */
export interface FlowEffects {
  /** Where the run goes on. `with`: what that job finds as `flow.with`. */
  readonly goto: { readonly target: string; readonly with: ReadonlyMap<string, string> } | null;
  /** What the next attempt of the job finds. */
  readonly retryState: ReadonlyMap<string, string>;
  /** The next attempt does not begin earlier than so many milliseconds from the job's end. */
  readonly retryAfterMs: number | null;
}

export const NO_FLOW: FlowEffects = { goto: null, retryState: new Map(), retryAfterMs: null };

export const NO_EFFECTS: StepEffects = { outputs: new Map(), env: new Map(), path: [] };

export function mergeFlow(earlier: FlowEffects, later: FlowEffects): FlowEffects {
  return {
    goto: later.goto ?? earlier.goto,
    retryState: new Map([...earlier.retryState, ...later.retryState]),
    retryAfterMs: later.retryAfterMs ?? earlier.retryAfterMs,
  };
}
