/** Everything a worker needs to run one job. Plain JSON; carries secrets, so it is never written to disk in clear. */
import type { RunDefaults, StepsJobPlan, TemplateMap } from './plan.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export interface JsonMap {
  readonly [key: string]: Json;
}

export interface JobMessage {
  readonly runId: string;
  /** The key of {@link jobKey}: `build`, `build.2`, `caller.build`. */
  readonly key: string;
  readonly displayName: string;
  readonly instance: number;
  /** From 1, when absent 1: how many times the job was begun in its run. */
  readonly iteration?: number;
  readonly attempt: number;
  readonly job: StepsJobPlan;
  /** Environments from the outside in: the workflow's, then the job's. Not yet evaluated. */
  readonly env: readonly TemplateMap[];
  /** From the outside in: the workflow's, then the job's; the last one that is set wins. */
  readonly defaults: readonly RunDefaults[];
  /** Evaluated already: the job's time limit, or null for none. */
  readonly timeoutMinutes: number | null;
  readonly contexts: {
    readonly github: JsonMap;
    readonly vars: JsonMap;
    readonly secrets: { readonly [name: string]: string };
    readonly inputs: JsonMap;
    readonly needs: JsonMap;
    readonly strategy: JsonMap;
    readonly matrix: JsonMap | null;
    /** See `StartJob.contexts`; absent where the workflow uses none of the keys behind it. */
    readonly loop?: JsonMap | null;
    readonly flow?: JsonMap;
  };
  /** `github.event`, also what the event file holds. */
  readonly event: JsonMap;
  /** Values to mask beyond `secrets`. */
  readonly masks: readonly string[];
}

/** `ID`, `ID.INSTANCE` for a matrix instance (from 1), `CALLER.ID` for a job of a called workflow. */
export function jobKey(id: string, instance: number): string {
  return instance > 0 ? `${id}.${String(instance)}` : id;
}
