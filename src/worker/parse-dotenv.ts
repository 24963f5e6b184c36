/**
 * Reads the runner's `.env` as GitHub's runner does (runner-behaviour 1.4): lines of `KEY=VALUE`, the first `=` splits,
 * blank lines are skipped; there is no quoting and there are no comments. An empty value unsets the variable. A line
 * without a key before a `=` says nothing.
 *
 * @returns by name, in the order of the file; null where a variable is unset. Of lines with the same key the last counts.
 */
export function parseDotenv(text: string): ReadonlyMap<string, string | null> {
  const variables = new Map<string, string | null>();
  for (const line of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
    const split = line.indexOf('=');
    if (split <= 0) continue;
    variables.set(line.slice(0, split), line.slice(split + 1) || null);
  }
  return variables;
}

/** The environment that steps inherit: that of the runner's process with its `.env` over it. */
export function withDotenv(
  environment: Readonly<Record<string, string>>,
  dotenv: ReadonlyMap<string, string | null>,
): Record<string, string> {
  const result = new Map(Object.entries(environment));
  for (const [name, value] of dotenv) {
    if (value === null) result.delete(name);
    else result.set(name, value);
  }
  return Object.fromEntries(result);
}
