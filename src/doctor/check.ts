/** One look at one thing that a runner needs. It never throws for what it looks at. */
export interface Check {
  /** Stable, for scripts: `disk`, `clock`. */
  readonly id: string;
  /** As a person names it: `Free disk space`. */
  readonly title: string;
  run(signal: AbortSignal): Promise<Finding>;
}

/**
 * - `ok`: as it should be. `note`: works, with less than there could be. `wrong`: jobs will fail, or none will come.
 * - `skipped`: nothing to look at, such as the server of a runner that is not registered.
 */
export interface Finding {
  readonly verdict: 'ok' | 'note' | 'wrong' | 'skipped';
  /** What was found, one sentence with its figures. Never a secret. */
  readonly found: string;
  /** What to do about it, one sentence; null where nothing is to be done. */
  readonly remedy: string | null;
}
