import {
  MATCHER_PROPERTIES,
  type MatcherPattern,
  type MatcherProperty,
  type MatcherSet,
  type ProblemMatcher,
} from './matcher-set.ts';

/** What the patterns of one matcher captured. An earlier pattern's property stands; severity may be the default. */
type Captured = Readonly<Partial<Record<MatcherProperty, string>>>;

export interface MatchedLine {
  readonly index: number;
  readonly matcher: ProblemMatcher;
  readonly captured: Captured;
}

export interface MatchedLines {
  /** In order. */
  readonly matched: readonly MatchedLine[];
  /** Matchers that took too long, and are no longer in the set. */
  readonly removed: readonly ProblemMatcher[];
}

/**
 * Runs the job's problem matchers over the lines of one output and keeps how far each of them came. A regular
 * expression that takes too long is interrupted: the line counts as not matched, and the matcher is removed when it
 * happens too often.
 */
export class LineMatching {
  readonly #set: MatcherSet;
  /** By matcher: what each pattern but the last matched on the line before; undefined where it did not. */
  #progress: ReadonlyMap<ProblemMatcher, Advanced['progress']> = new Map();
  /** Where an interrupted run was. */
  #atLine = 0;
  #atMatcher: ProblemMatcher | null = null;

  constructor(set: MatcherSet) {
    this.#set = set;
  }

  /** Lines without colours and breaks, in order. Lines over {@link MAX_MATCHED_CHARACTERS} match nothing. */
  match(lines: readonly string[]): MatchedLines {
    const matched: MatchedLine[] = [];
    const removed: ProblemMatcher[] = [];
    let from = 0;
    while (from < lines.length) {
      // An interruption may come after the last line was done; it is done again then.
      while (matched.length > 0 && (matched.at(-1) as MatchedLine).index >= from) matched.pop();
      const finished = this.#set.timeLimit.run(() => this.#matchFrom(lines, from, matched));
      if (finished) break;
      // Only a line that had the whole time for itself is slow; what came before it may have used the time up.
      if (this.#atLine > from) from = this.#atLine;
      else {
        this.#countSlowLine(removed);
        from = this.#atLine + 1;
      }
    }
    return { matched, removed };
  }

  /** As if a line had come that matches nothing. */
  reset(): void {
    this.#progress = new Map();
  }

  #matchFrom(lines: readonly string[], from: number, matched: MatchedLine[]): void {
    for (let index = from; index < lines.length; index++) {
      this.#atLine = index;
      const line = lines[index] as string;
      if (line.length > MAX_MATCHED_CHARACTERS) this.reset();
      else this.#matchLine(line, index, matched);
    }
  }

  #matchLine(line: string, index: number, matched: MatchedLine[]): void {
    // Kept apart until the line is done: an interrupted one leaves no trace.
    const progressOf = new Map<ProblemMatcher, Advanced['progress']>();
    for (const matcher of this.#set.matchers) {
      this.#atMatcher = matcher;
      const { captured, progress } = advance(matcher, this.#progress.get(matcher) ?? [], line);
      if (captured !== null) progressOf.clear();
      if (progress.length > 0) progressOf.set(matcher, progress);
      if (captured === null) continue;
      matched.push({ index, matcher, captured });
      break;
    }
    this.#progress = progressOf;
  }

  #countSlowLine(removed: ProblemMatcher[]): void {
    this.reset();
    const matcher = this.#atMatcher;
    if (matcher !== null && this.#set.countSlowLine(matcher)) removed.push(matcher);
  }
}

interface Advanced {
  /** What the last pattern completed. */
  readonly captured: Captured | null;
  readonly progress: readonly (Captured | undefined)[];
}

/** One line further: each pattern continues what the one before matched on the line before. */
function advance({ patterns }: ProblemMatcher, before: readonly (Captured | undefined)[], line: string): Advanced {
  const last = patterns.length - 1;
  const progress: (Captured | undefined)[] = [];
  for (let at = last; at >= 0; at--) {
    const running = at === 0 ? {} : before[at - 1];
    if (running === undefined) continue;
    const pattern = patterns[at] as MatcherPattern;
    const groups = pattern.regexp.exec(line);
    if (groups === null) continue;
    const captured = merge(running, pattern, groups);
    if (at < last) progress[at] = captured;
    else {
      const kept: (Captured | undefined)[] = [];
      if (pattern.loop) kept[at - 1] = running;
      return { captured, progress: kept };
    }
  }
  return { captured: null, progress };
}

function merge(running: Captured, pattern: MatcherPattern, groups: RegExpExecArray): Captured {
  const captured: Partial<Record<MatcherProperty, string>> = { ...running };
  for (const property of MATCHER_PROPERTIES) {
    const group = pattern.groups[property];
    if (group !== undefined) captured[property] ??= groups[group] ?? '';
  }
  return captured;
}

/** Longer lines are data, not messages; and the time of an expression can grow faster than its line. */
export const MAX_MATCHED_CHARACTERS = 8_192;
