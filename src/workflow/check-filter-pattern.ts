import { quote } from '../expressions/quote.ts';
import type { TextProblem } from './grammar.ts';

/**
 * A pattern of `branches`, `tags` or `paths`: `*`, `**`, `?`, `+`, `[…]`, and `!` at the start
 * (GitHub docs, workflow syntax, "filter pattern cheat sheet").
 */
export function checkFilterPattern(pattern: string): TextProblem | null {
  const body = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  if (body === '') return problem(`${quote(pattern)} excludes nothing; a pattern was expected after \`!\``);
  for (let index = 0; index < body.length; index++) {
    if (body[index] === '\\') {
      index += 1;
    } else if (body[index] === '[') {
      const close = body.indexOf(']', index + 1);
      if (close < 0)
        return problem(`${quote(pattern)}: the \`[\` is never closed; write \`\\[\` for the character itself`);
      if (close === index + 1) return problem(`${quote(pattern)}: \`[]\` matches no character`);
      index = close;
    }
  }
  return null;
}

/** As {@link checkFilterPattern}, for a file. */
export function checkPathPattern(pattern: string): TextProblem | null {
  const body = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  if (/^\.{1,2}\//.test(body) || body.startsWith('/')) {
    const message = `${quote(pattern)} never matches: paths start at the top of the repository, without \`./\` or \`/\``;
    return { rule: 'filter', message, severity: 'warning' };
  }
  return checkFilterPattern(pattern);
}

function problem(message: string): TextProblem {
  return { rule: 'filter', message };
}
