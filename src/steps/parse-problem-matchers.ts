import { MATCHER_PROPERTIES, type MatcherPattern, type MatcherProperty, type ProblemMatcher } from './matcher-set.ts';

export type ParsedMatchers =
  | { readonly kind: 'matchers'; readonly matchers: readonly ProblemMatcher[] }
  /** One sentence. */
  | { readonly kind: 'problem'; readonly message: string };

/**
 * Reads a problem matcher file:
 * `{"problemMatcher": [{"owner", "severity"?, "fromPath"?, "pattern": [{"regexp", "file"?: group, …, "loop"?}]}]}`.
 * The rules are those of GitHub's runner (runner-behaviour 2.12). A file without matchers is allowed.
 */
export function parseProblemMatchers(text: string): ParsedMatchers {
  try {
    const file = asObject(JSON.parse(text.replace(/^\uFEFF/, '')), 'The file');
    const matchers = asList(file.problemMatcher ?? [], "'problemMatcher'").map(readMatcher);
    const owners = new Set<string>();
    for (const { owner } of matchers) {
      if (owners.has(owner.toLowerCase())) throw new MatcherProblem(`Two matchers have the owner '${owner}'.`);
      owners.add(owner.toLowerCase());
    }
    return { kind: 'matchers', matchers };
  } catch (cause) {
    if (cause instanceof MatcherProblem || cause instanceof SyntaxError)
      return { kind: 'problem', message: cause.message };
    throw cause;
  }
}

/** Leaves the reading functions; never leaves this file. */
class MatcherProblem extends Error {}

function readMatcher(value: unknown): ProblemMatcher {
  const matcher = asObject(value, 'A matcher');
  const owner = asText(matcher.owner, "'owner'");
  if (owner.trim() === '') throw new MatcherProblem("A matcher needs an 'owner'.");
  const severity = asText(matcher.severity, `'severity' of '${owner}'`).toLowerCase();
  if (!SEVERITIES.includes(severity)) {
    throw new MatcherProblem(`'severity' of '${owner}' is '${severity}'; it can be error, warning or notice.`);
  }
  const patterns = asList(matcher.pattern ?? [], `'pattern' of '${owner}'`).map((pattern) =>
    readPattern(pattern, owner),
  );
  checkPatterns(patterns, owner);
  return { owner, severity, fromPath: asText(matcher.fromPath, `'fromPath' of '${owner}'`) || null, patterns };
}

function readPattern(value: unknown, owner: string): MatcherPattern {
  const pattern = asObject(value, `A pattern of '${owner}'`);
  const source = asText(pattern.regexp, `'regexp' of '${owner}'`);
  if (source === '') throw new MatcherProblem(`A pattern of '${owner}' needs a 'regexp'.`);
  const regexp = compile(source, owner);
  // An alternative that matches nothing shows how many groups there are.
  const groupCount = (new RegExp(`${source}|`).exec('')?.length ?? 1) - 1;
  const groups: Partial<Record<MatcherProperty, number>> = {};
  for (const property of MATCHER_PROPERTIES) {
    const group = pattern[property];
    if (group === undefined || group === null) continue;
    const number = typeof group === 'string' && /^\d+$/.test(group) ? Number(group) : group;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > groupCount) {
      throw new MatcherProblem(
        `'${property}' of '${owner}' is ${JSON.stringify(group)}; '${source}' has the groups 0 to ${groupCount}.`,
      );
    }
    groups[property] = number;
  }
  return { regexp, groups, loop: pattern.loop === true || pattern.loop === 'true' };
}

function compile(source: string, owner: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new MatcherProblem(`'regexp' of '${owner}' is no regular expression: ${(cause as Error).message}.`);
  }
}

function checkPatterns(patterns: readonly MatcherPattern[], owner: string): void {
  if (patterns.length === 0) throw new MatcherProblem(`'${owner}' has no 'pattern'.`);
  for (const property of MATCHER_PROPERTIES) {
    const count = patterns.filter(({ groups }) => groups[property] !== undefined).length;
    if (count > 1) throw new MatcherProblem(`'${owner}' sets '${property}' in more than one pattern.`);
  }
  if (!patterns.some(({ groups }) => groups.message !== undefined)) {
    throw new MatcherProblem(`One pattern of '${owner}' must set 'message'.`);
  }
  patterns.forEach(({ loop, groups }, index) => {
    if (!loop) return;
    if (patterns.length === 1 || index < patterns.length - 1) {
      throw new MatcherProblem(`Only the last of several patterns of '${owner}' can have 'loop'.`);
    }
    if (groups.message === undefined) {
      throw new MatcherProblem(`The pattern of '${owner}' that has 'loop' must set 'message'.`);
    }
  });
}

function asObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MatcherProblem(`${name} must be an object.`);
  }
  return value as Record<string, unknown>;
}

function asList(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw new MatcherProblem(`${name} must be a list.`);
  return value;
}

/** Empty for what is missing. */
function asText(value: unknown, name: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new MatcherProblem(`${name} must be text.`);
  return value;
}

const SEVERITIES = ['', 'error', 'warning', 'notice'];
