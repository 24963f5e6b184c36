import type { Expr } from '@actions/expressions/ast';
import { ErrorType, ExpressionError as LibraryError, MAX_EXPRESSION_LENGTH } from '@actions/expressions/errors';
import { Lexer, TokenType, type Token } from '@actions/expressions/lexer';
import { Parser } from '@actions/expressions/parser';
import { FUNCTIONS } from './functions.ts';
import { quote } from './quote.ts';

/** A name as used in an expression: lower-case, with its place in the text. */
export interface UsedName {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

export interface CompiledExpression {
  readonly kind: 'compiled';
  readonly root: Expr;
  /** Every context named, also where it would not be reached. */
  readonly contexts: readonly UsedName[];
  readonly calls: readonly UsedName[];
}

export interface CompileProblem {
  readonly kind: 'problem';
  readonly offset: number;
  readonly length: number;
  /** A sentence without the expression's text and without a full stop. */
  readonly message: string;
}

/** Expressions kept parsed; the oldest goes first. A workflow has a few hundred. */
const MAX_CACHED_EXPRESSIONS = 2_000;

/** A memo of a pure function, so sharing it between all users changes nothing but the time. */
const cache = new Map<string, CompiledExpression | CompileProblem>();

/** Parses the text between `${{` and `}}`. Any context name is accepted; who uses the result decides which exist. */
export function compile(text: string): CompiledExpression | CompileProblem {
  const known = cache.get(text);
  if (known) return known;
  const result = parse(text);
  if (cache.size >= MAX_CACHED_EXPRESSIONS) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }
  cache.set(text, result);
  return result;
}

function parse(text: string): CompiledExpression | CompileProblem {
  if (text.length > MAX_EXPRESSION_LENGTH) {
    return problem(
      0,
      text.length,
      `the expression is ${text.length} characters long, the limit is ${MAX_EXPRESSION_LENGTH}`,
    );
  }
  const tokens = lex(text);
  if (!Array.isArray(tokens)) return tokens;
  const offsets = offsetsOf(text, tokens);
  const names = usedNames(tokens, offsets);
  const unknown = names.calls.find((call) => !Object.hasOwn(FUNCTIONS, call.name));
  if (unknown) return problem(unknown.offset, unknown.length, `there is no function ${quote(unknown.name)}`);
  const stray = tokens.findIndex((token, index) => isTrailingComma(token, tokens[index + 1]));
  if (stray >= 0) return problem(offsets[stray] ?? 0, 1, 'an argument is missing after the last `,`');
  try {
    const root = new Parser(
      tokens,
      names.contexts.map((context) => context.name),
      Object.values(FUNCTIONS),
    ).parse() as Expr | undefined;
    return root ? { kind: 'compiled', root, ...names } : problem(0, text.length, 'an expression was expected');
  } catch (error) {
    return parserProblem(error, tokens, offsets, text);
  }
}

function lex(text: string): Token[] | CompileProblem {
  try {
    return new Lexer(text).lex().tokens.map(unescapeString);
  } catch (error) {
    const place = /Located at position (\d+) within/.exec((error as Error).message);
    const offset = place ? Number(place[1]) - 1 : 0;
    const rest = text.slice(offset);
    if (rest.startsWith("'")) return problem(offset, rest.length, "the string that starts here is not closed by `'`");
    const symbol = /^[^\s()[\],]+/.exec(rest)?.[0] ?? rest.slice(0, 1);
    const hint = rest.startsWith('"') ? '; strings are written in single quotes' : '';
    return problem(offset, symbol.length, `${quote(symbol)} was not expected${hint}`);
  }
}

/** The library un-escapes the first `''` of a string only. */
function unescapeString(token: Token): Token {
  return token.type === TokenType.STRING ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") } : token;
}

/** Tokens know line and column, but miscount after a string with a line break; only white space is between tokens. */
function offsetsOf(text: string, tokens: readonly Token[]): number[] {
  let position = 0;
  return tokens.map((token) => {
    if (token.type === TokenType.EOF) return text.length;
    const offset = text.indexOf(token.lexeme, position);
    position = offset + token.lexeme.length;
    return offset;
  });
}

function usedNames(
  tokens: readonly Token[],
  offsets: readonly number[],
): Pick<CompiledExpression, 'contexts' | 'calls'> {
  const contexts: UsedName[] = [];
  const calls: UsedName[] = [];
  tokens.forEach((token, index) => {
    if (token.type !== TokenType.IDENTIFIER || tokens[index - 1]?.type === TokenType.DOT) return;
    const used = { name: token.lexeme.toLowerCase(), offset: offsets[index] ?? 0, length: token.lexeme.length };
    (tokens[index + 1]?.type === TokenType.LEFT_PAREN ? calls : contexts).push(used);
  });
  return { contexts, calls };
}

function isTrailingComma(token: Token, next: Token | undefined): boolean {
  return token.type === TokenType.COMMA && next?.type === TokenType.RIGHT_PAREN;
}

function parserProblem(error: unknown, tokens: Token[], offsets: readonly number[], text: string): CompileProblem {
  if (!(error instanceof LibraryError)) return problem(0, text.length, (error as Error).message);
  // Both are private to TypeScript only; they are the one exact word on what went wrong and where.
  const { tok, typ } = error as unknown as { tok: Token; typ: ErrorType };
  const offset = offsets[tokens.indexOf(tok)] ?? 0;
  const length = Math.max(tok.lexeme.length, 1);
  return problem(Math.min(offset, Math.max(text.length - 1, 0)), length, describe(typ, tok));
}

function describe(type: ErrorType, token: Token): string {
  const definition = FUNCTIONS[token.lexeme.toLowerCase()];
  switch (type) {
    case ErrorType.ErrorExceededMaxDepth:
      return 'the expression is nested too deeply, the limit is 50 levels';
    case ErrorType.ErrorTooFewParameters:
    case ErrorType.ErrorTooManyParameters:
      return `\`${token.lexeme}()\` takes ${definition ? argumentCount(definition) : 'another number of arguments'}`;
    case ErrorType.ErrorEvenParameters:
      return '`case()` takes pairs of a condition and a value, then one default';
    case ErrorType.ErrorUnexpectedEndOfExpression:
    case ErrorType.ErrorUnexpectedSymbol:
    case ErrorType.ErrorUnrecognizedNamedValue:
    case ErrorType.ErrorExceededMaxLength:
    case ErrorType.ErrorUnrecognizedContext:
    case ErrorType.ErrorUnrecognizedFunction:
      return token.type === TokenType.EOF || type === ErrorType.ErrorUnexpectedEndOfExpression
        ? 'the expression ends too early'
        : `${quote(token.lexeme)} was not expected`;
  }
}

function argumentCount({ minArgs, maxArgs }: { minArgs: number; maxArgs: number }): string {
  if (maxArgs === 0) return 'no arguments';
  if (minArgs === maxArgs) return `${minArgs} ${minArgs === 1 ? 'argument' : 'arguments'}`;
  if (maxArgs >= 255) return `at least ${minArgs} ${minArgs === 1 ? 'argument' : 'arguments'}`;
  return `${minArgs} to ${maxArgs} arguments`;
}

function problem(offset: number, length: number, message: string): CompileProblem {
  return { kind: 'problem', offset, length, message };
}
