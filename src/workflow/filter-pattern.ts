/**
 * The patterns of `branches`, `tags` and `paths` (GitHub docs, workflow syntax, "filter pattern cheat sheet"): `*` any
 * characters but `/`, `**` any, `?` and `+` for the character before, `[…]`, `\` for a character as it is. `**` between
 * slashes or at the start also stands for no folder at all.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^${translated(pattern)}$`, 'su').test(text);
  } catch {
    // A range the wrong way round, `[z-a]`: there is nothing that it matches.
    return false;
  }
}

/** In the order of the list: a pattern lets in, one with `!` shuts out again what earlier ones let in. */
export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.reduce((matched, pattern) => {
    if (pattern.startsWith('!')) return matched && !matchesPattern(pattern.slice(1), text);
    return matched || matchesPattern(pattern, text);
  }, false);
}

function translated(pattern: string): string {
  let result = '';
  let repeats = false;
  for (const [token] of pattern.matchAll(TOKEN)) {
    if (token.endsWith('**/')) result += '(?:.*/)?';
    else if (token.startsWith('**')) result += '.*';
    else if (token === '*') result += '[^/]*';
    else if (token === '?' || token === '+') result += result === '' || repeats ? `\\${token}` : token;
    else if (token.startsWith('[')) result += characterClass(token.slice(1, -1));
    else result += escaped(token.startsWith('\\') && token.length > 1 ? token.slice(1) : token);
    // A second one has nothing to repeat and stands for itself.
    repeats = token === '?' || token === '+';
  }
  return result;
}

/** `**\/` counts as one where it can stand for no folder: at the start and behind a slash. Several are as one. */
const TOKEN = /(?:(?<=^|\/)(?:\*\*\/)+)|\*\*+|\*|\?|\+|\[[^\]]+\]|\\.|./gsu;

/** Ranges stay ranges; everything else stands for itself. */
function characterClass(content: string): string {
  return `[${content.replace(/[\\\]^]/g, '\\$&')}]`;
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
