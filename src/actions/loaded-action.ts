import type { Reason } from '../protocol/conclusion.ts';
import type { ActionManifest } from '../workflow/action-manifest.ts';
import type { ActionReference } from './action-reference.ts';

/** An action that is on this machine and whose manifest could be read. */
export interface LoadedAction {
  /** As the step names it. */
  readonly uses: string;
  readonly reference: ActionReference;
  /** Absolute; holds the manifest. Empty for `docker://`. */
  readonly directory: string;
  readonly manifest: ActionManifest;
  /** What the log of the step should say about where this copy is from; null when there is nothing to say. */
  readonly note: string | null;
}

export type ActionLoad =
  | { readonly kind: 'loaded'; readonly action: LoadedAction }
  /** A sentence, or several lines of `FILE:LINE:COLUMN: error: …` behind one. */
  | ActionProblem;

export interface ActionProblem {
  readonly kind: 'problem';
  readonly message: string;
  /** Where it is finer than `action-not-loaded`. */
  readonly reason?: Reason;
}
