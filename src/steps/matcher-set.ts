import { TimeLimit } from './time-limit.ts';

/** One problem matcher, checked: see `parse-problem-matchers.ts` for the file it comes from. */
export interface ProblemMatcher {
  readonly owner: string;
  /** Empty: error. */
  readonly severity: string;
  /** A path whose directory relative files are looked up in, where no pattern captures one. */
  readonly fromPath: string | null;
  /** For consecutive lines; at least one. */
  readonly patterns: readonly MatcherPattern[];
}

export interface MatcherPattern {
  readonly regexp: RegExp;
  /** By property: the group that captures it. */
  readonly groups: Readonly<Partial<Record<MatcherProperty, number>>>;
  /** The last pattern only: goes on matching lines after the ones of the patterns before. */
  readonly loop: boolean;
}

export const MATCHER_PROPERTIES = ['file', 'line', 'column', 'severity', 'code', 'message', 'fromPath'] as const;
export type MatcherProperty = (typeof MATCHER_PROPERTIES)[number];

/** The problem matchers of a job, the newest first. What one step adds or removes acts at once on every output. */
export class MatcherSet {
  #matchers: readonly ProblemMatcher[] = [];
  readonly #slowLines = new Map<ProblemMatcher, number>();
  /** What one matcher may take for one line; after `MAX_SLOW_LINES` that took longer it is removed. */
  readonly timeLimit: TimeLimit;

  constructor(matchTimeoutMs = DEFAULT_MATCH_TIMEOUT_MS) {
    this.timeLimit = new TimeLimit(matchTimeoutMs);
  }

  get matchers(): readonly ProblemMatcher[] {
    return this.#matchers;
  }

  /** Replaces what has the same owner, in whatever case. Returns a problem when there are too many. */
  add(matchers: readonly ProblemMatcher[]): string | null {
    const kept = this.#without(matchers.map(({ owner }) => owner));
    if (kept.length + matchers.length > MAX_MATCHERS) {
      return `A job can have ${MAX_MATCHERS} problem matchers; remove some with ::remove-matcher.`;
    }
    this.#matchers = [...matchers, ...kept];
    return null;
  }

  remove(owners: readonly string[]): void {
    this.#matchers = this.#without(owners);
  }

  /** Counts a line for which the matcher took too long; true when that was the last one it may have. */
  countSlowLine(matcher: ProblemMatcher): boolean {
    const count = (this.#slowLines.get(matcher) ?? 0) + 1;
    this.#slowLines.set(matcher, count);
    if (count < MAX_SLOW_LINES) return false;
    this.#matchers = this.#matchers.filter((other) => other !== matcher);
    return true;
  }

  #without(owners: readonly string[]): ProblemMatcher[] {
    const gone = new Set(owners.map((owner) => owner.toLowerCase()));
    return this.#matchers.filter(({ owner }) => !gone.has(owner.toLowerCase()));
  }
}

const DEFAULT_MATCH_TIMEOUT_MS = 1_000;
export const MAX_SLOW_LINES = 3;
export const MAX_MATCHERS = 100;
