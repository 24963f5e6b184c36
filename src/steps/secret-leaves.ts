import { isMap, isSeq, parseDocument, visit } from 'yaml';

/**
 * The secret parts of a structured secret: string leaves of a JSON or YAML object or array as text, number leaves as
 * they are spelled. `true`, `false` and `null` in any spelling and numbers of less than four digits are no secrets.
 * Null for a value that has no structure: it is a secret as a whole, line by line.
 */
export function secretLeaves(value: string): readonly string[] | null {
  const text = value.trim();
  const isFlow = /^(?:\{[^]*\}|\[[^]*\])$/.test(text);
  if (isFlow && isJson(text)) return leavesOfJson(text);
  // One line such as `user: password` is a value, not a document.
  return isFlow || text.includes('\n') ? leavesOfYaml(text) : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Not JSON is an answer here.
    return false;
  }
}

/** By tokens of a valid text, because parsed numbers have lost their spelling. */
function leavesOfJson(text: string): string[] {
  const leaves: string[] = [];
  for (const [token, colon] of text.matchAll(JSON_TOKEN)) {
    if (colon !== undefined) continue;
    const isString = token.startsWith('"');
    const leaf = isString ? String(JSON.parse(token)) : token;
    if (isWorthMasking(leaf, isString)) leaves.push(leaf);
  }
  return leaves;
}

function leavesOfYaml(text: string): string[] | null {
  const document = parseDocument(text, { logLevel: 'silent', strict: false, uniqueKeys: false });
  if (document.errors.length > 0 || !(isMap(document.contents) || isSeq(document.contents))) return null;
  const leaves: string[] = [];
  visit(document, {
    Scalar(key, { value, source }) {
      if (key === 'key') return;
      const isString = typeof value === 'string';
      const leaf = isString ? value : (source ?? '');
      if (isWorthMasking(leaf, isString)) leaves.push(leaf);
    },
  });
  return leaves;
}

function isWorthMasking(leaf: string, isString: boolean): boolean {
  if (/^(?:true|false|null|~|yes|no|on|off)?$/i.test(leaf.trim())) return false;
  return isString || leaf.replace(/\D/g, '').length >= MIN_NUMBER_DIGITS;
}

/** A string with the colon that makes it a key, or a number. */
const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MIN_NUMBER_DIGITS = 4;
