import { CaseProblem } from './fields.ts';

/** Where a bare name of a case's expression is found: in our words, with a value it may have. */
export type FindName = (name: string) => { readonly text: string; readonly sample: unknown } | null;

/** Names that are contexts of ours already, and functions. */
const KNOWN = new Set(
  [
    'github needs outputs loop matrix inputs instances flow jobs result strategy vars env steps',
    'true false null nan infinity',
    'success failure always cancelled contains startsWith endsWith format join toJSON fromJSON case',
  ].flatMap((words) => words.toLowerCase().split(' ')),
);
const WORDS: Readonly<Record<string, string>> = { and: '&&', or: '||', not: '!' };
const TOKEN =
  /\s+|'(?:[^']|'')*'|"[^"]*"|\d+(?:\.\d+)?|[A-Za-z_][\w-]*(?:\s*(?:\.\s*[\w*-]+|\[[^\]]*\]))*|&&|\|\||[=!<>]=|===|!==|[<>!(),]|-(?=\d)/gy;

/** An expression of a case, such as `env == 'dev'` or `i < 3`, in GitHub's language. @throws CaseProblem */
export function translateExpression(written: string | boolean | number, find: FindName): string {
  if (typeof written !== 'string') return String(written);
  const text = written.trim().replace(/^\$\{\{(.*)\}\}$/s, '$1');
  let result = '';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const [token] = TOKEN.exec(text) ?? [null];
    if (token === null)
      throw new CaseProblem(`'${text[from]}' in the expression '${written}' cannot be said in our expressions`);
    result += translateToken(token, text.slice(TOKEN.lastIndex), find, written);
  }
  return result.trim();
}

function translateToken(token: string, rest: string, find: FindName, written: string): string {
  if (token.startsWith('"')) return `'${token.slice(1, -1).replaceAll("'", "''")}'`;
  if (token === '===') return '==';
  if (token === '!==') return '!=';
  const name = /^[A-Za-z_][\w-]*/.exec(token)?.[0] ?? null;
  if (name === null) return token;
  const word = WORDS[name.toLowerCase()];
  if (word !== undefined && token === name) return word;
  if (/^\s*\(/.test(rest)) return token;
  // An output may be called `env`.
  const found = token.startsWith(`${name}.`) && KNOWN.has(name.toLowerCase()) ? null : find(name);
  if (found === null && KNOWN.has(name.toLowerCase())) return token;
  if (found === null) throw new CaseProblem(`nothing is called '${name}' where it says '${written}'`);
  return typed(found.text, found.sample) + token.slice(name.length);
}

/** Outputs are texts; they are made again what they were. */
function typed(text: string, sample: unknown): string {
  if (typeof sample === 'number') return `fromJSON(${text} || '0')`;
  if (typeof sample === 'boolean') return `fromJSON(${text} || 'false')`;
  if (typeof sample === 'object') return `fromJSON(${text} || 'null')`;
  return text;
}
