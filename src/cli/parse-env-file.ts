import { UsageError } from '../local/usage-error.ts';

/** A line of a file like `.env`: `NAME=VALUE`, perhaps with `export` before it. */
const ENTRY = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=[ \t]*/;

/**
 * Reads a file like `.env`. Values may be bare (to the end of the line, or to a `#` after a blank), in single quotes (as
 * they are) or in double quotes (with `\n`, `\r`, `\t`, `\"`, `\\`); quoted ones may span lines. Throws a
 * {@link UsageError} that names the line but nothing of what is in it: the file holds secrets.
 */
export function parseEnvFile(text: string, file: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (/^\s*(?:#|$)/.test(line)) continue;
    const number = at + 1;
    const entry = ENTRY.exec(line);
    if (!entry) throw new UsageError(`${file}:${number}: expected NAME=VALUE or a comment.`);
    let value = line.slice(entry[0].length);
    const quote = value.startsWith('"') ? '"' : value.startsWith("'") ? "'" : null;
    if (quote === null) {
      values[entry[1] ?? ''] = value.replace(/\s+#.*$/, '').trim();
      continue;
    }
    let end = closing(value, quote);
    while (end < 0 && at + 1 < lines.length) {
      value += `\n${lines[++at] ?? ''}`;
      end = closing(value, quote);
    }
    if (end < 0) throw new UsageError(`${file}:${number}: the quote that opens here is never closed.`);
    const inner = value.slice(1, end);
    values[entry[1] ?? ''] = quote === '"' ? unescaped(inner) : inner;
  }
  return values;
}

/** Index of the closing quote; -1 when it is not there. A backslash protects a double quote only. */
function closing(value: string, quote: string): number {
  if (quote === "'") return value.indexOf("'", 1);
  for (let at = 1; at < value.length; at++) {
    if (value[at] === '\\') at++;
    else if (value[at] === '"') return at;
  }
  return -1;
}

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (all, character: string) => ESCAPES[character] ?? all);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };
