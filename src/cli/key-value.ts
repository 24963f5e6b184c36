import { UsageError } from '../local/usage-error.ts';

/**
 * `K=V` (or another separator) of a repeatable option; the value may hold the separator again. The message of the
 * error repeats nothing of the text: it may be a secret.
 */
export function keyValue(option: string, text: string, separator: '=' | ':'): { key: string; value: string } {
  const at = text.indexOf(separator);
  if (at < 0) throw new UsageError(`${option} takes NAME${separator}VALUE, but there is no '${separator}' in it.`);
  if (at === 0)
    throw new UsageError(`${option} takes NAME${separator}VALUE, but there is nothing before '${separator}'.`);
  return { key: text.slice(0, at), value: text.slice(at + 1) };
}

/** The last of several values for one name holds. */
export function keyValues(option: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const { key, value } = keyValue(option, text, '=');
      return [key, value];
    }),
  );
}
