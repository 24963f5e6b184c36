import type { ExpressionData } from '@actions/expressions/data/index';
import { Array as ArrayKind, StringData } from '@actions/expressions/data/index';
import { wellKnownFunctions } from '@actions/expressions/funcs';
import type { FunctionInfo } from '@actions/expressions/funcs/info';
import { fromData, toData } from './data.ts';
import type { Json } from './json.ts';

const MAX_ARGUMENTS = 255;
/** GitHub limits the memory of an evaluation to 10 MiB; counted here in characters of each text that is made. */
export const MAX_TEXT_CHARACTERS = 10 * 1024 * 1024;

export const STATUS_FUNCTION_NAMES: readonly string[] = ['always', 'cancelled', 'failure', 'success'];

/** Every function there is, by lower-case name, with its number of arguments. */
export const FUNCTIONS: Readonly<Record<string, FunctionInfo>> = {
  ...wellKnownFunctions,
  hashfiles: { name: 'hashFiles', minArgs: 1, maxArgs: MAX_ARGUMENTS },
  always: { name: 'always', minArgs: 0, maxArgs: 0 },
  cancelled: { name: 'cancelled', minArgs: 0, maxArgs: 0 },
  failure: { name: 'failure', minArgs: 0, maxArgs: 0 },
  success: { name: 'success', minArgs: 0, maxArgs: 0 },
};

/** Pure functions by lower-case name. `case` is not among them: it evaluates its arguments one by one. */
export function callFunction(name: string, args: readonly ExpressionData[]): ExpressionData {
  const own = OWN[name];
  if (own) return own(args);
  const library = wellKnownFunctions[name];
  if (!library) throw new Error(`\`${name}()\` is not available here`);
  return library.call(...args);
}

function limitText(characters: number): void {
  if (characters > MAX_TEXT_CHARACTERS) throw new Error(`the result is longer than ${MAX_TEXT_CHARACTERS} characters`);
}

/** The library's versions put values (maybe secrets) into their errors, or have no limit. */
const OWN: Readonly<Record<string, (args: readonly ExpressionData[]) => ExpressionData>> = {
  format: (args) => new StringData(format(textOf(args[0]), args.slice(1).map(textOf))),
  join: (args) => new StringData(join(args[0], args[1])),
  fromjson: (args) => toData(parseJson(textOf(args[0]))),
  tojson: (args) => new StringData(limited(args[0] ? JSON.stringify(fromData(args[0]), null, 2) : 'null')),
};

function format(pattern: string, values: readonly string[]): string {
  let length = 0;
  return pattern.replaceAll(/\{\{|\}\}|\{(\d+)[^{}]*\}|[{}]/g, (match, digits: string | undefined) => {
    if (match === '{{') return '{';
    if (match === '}}') return '}';
    if (digits === undefined)
      throw new Error(`the format string has a \`${match}\` that is neither doubled nor part of a \`{0}\``);
    const value = values[Number(digits)];
    if (value === undefined) {
      throw new Error(`the format string asks for value {${digits}}, but ${values.length} were given`);
    }
    length += value.length;
    limitText(length);
    return value;
  });
}

function join(list: ExpressionData | undefined, separator: ExpressionData | undefined): string {
  if (!(list instanceof ArrayKind)) return list?.primitive ? list.coerceString() : '';
  const items = list.values().map(textOf);
  const between = separator?.primitive ? separator.coerceString() : ',';
  limitText(items.reduce((sum, item) => sum + item.length + between.length, 0));
  return items.join(between);
}

function parseJson(text: string): Json {
  if (text.trim() === '') throw new Error('fromJSON() was given an empty text');
  try {
    return JSON.parse(text) as Json;
  } catch {
    // The parser's message quotes the text, and the text may be a secret.
    throw new Error(`fromJSON() was given a text of ${text.length} characters that is not JSON`);
  }
}

function textOf(value: ExpressionData | undefined): string {
  return value?.coerceString() ?? '';
}

function limited(text: string): string {
  limitText(text.length);
  return text;
}
