import { AVAILABILITY, type Availability, type AvailabilityKey } from '../expressions/availability.ts';
import { checkCondition, checkTemplate, type ExpressionProblem } from '../expressions/check.ts';
import { quote } from '../expressions/quote.ts';
import { scanTemplate } from '../expressions/scan-template.ts';
import { didYouMean } from './close-name.ts';
import { list, type Grammar, type ScalarRule } from './grammar.ts';
import type { ProblemList, Span } from './problem-list.ts';
import { sourceOffset } from './source-offset.ts';
import type { ScalarNode } from './yaml-node.ts';

const OPEN = '${{';
const CLOSE = '}}';
/** Wrong expressions of one text that are reported: finding the place of each walks through the text. */
const MAX_PROBLEMS_IN_TEXT = 20;

/** True for a text that is one expression and nothing else, so that it may give a value of any type. */
export function isWholeExpression(node: ScalarNode): boolean {
  if (typeof node.value !== 'string' || !node.value.includes(OPEN)) return false;
  const segments = scanTemplate(node.value);
  return segments.length === 1 && segments[0]?.kind !== 'text';
}

/** Checks text, numbers, booleans and nothing, and the expressions in them. */
export class CheckScalar {
  readonly #text: string;
  readonly #problems: ProblemList;

  constructor(text: string, problems: ProblemList) {
    this.#text = text;
    this.#problems = problems;
  }

  /** @param adds Contexts that are available besides. */
  check(node: ScalarNode, grammar: Grammar, label: string, adds: readonly string[]): void {
    const { value } = node;
    const rule = grammar.scalar;
    if (value === null) {
      if (!grammar.nothing && !acceptsNothing(rule))
        this.#problems.error('empty', node.span, `${label} has no value; it takes ${grammar.takes}`);
    } else if (rule?.kind === 'condition') {
      this.#checkCondition(node, String(value), grammar.expressions, adds);
    } else if (typeof value === 'string' && value.includes(OPEN)) {
      this.#checkExpressions(node, value, grammar, label, adds);
    } else if (rule) {
      this.#checkLiteral(node, value, rule, grammar, label);
    } else {
      this.#refuse(node, grammar, label);
    }
  }

  /** A key that holds `${{`, of a mapping where expressions are available or not. */
  checkKey(key: string, span: Span, expressions: AvailabilityKey | undefined, adds: readonly string[]): void {
    if (expressions === undefined) {
      this.#problems.error('expression-not-allowed', span, `${quote(key)}: a key here may not hold an expression`);
      return;
    }
    for (const { message } of checkTemplate(key, available(expressions, adds)))
      this.#problems.error('expression', span, message);
  }

  #checkExpressions(node: ScalarNode, value: string, grammar: Grammar, label: string, adds: readonly string[]): void {
    const { expressions, scalar } = grammar;
    if (expressions === undefined) {
      const [first] = scanTemplate(value).filter(({ kind }) => kind !== 'text');
      const span = first
        ? this.#part(node, first.offset - OPEN.length, first.text.length + OPEN.length + CLOSE.length)
        : node.span;
      const message = `${label} may not hold an expression; it takes ${grammar.takes}`;
      this.#problems.error('expression-not-allowed', span, message);
      return;
    }
    this.#report(node, checkTemplate(value, available(expressions, adds)));
    if (scalar?.kind === 'text' || scalar?.kind === 'anything' || isWholeExpression(node)) return;
    const message = `${label} takes ${grammar.takes}; with text around it the expression gives text`;
    this.#problems.error('type', node.span, message);
  }

  #checkCondition(
    node: ScalarNode,
    value: string,
    expressions: AvailabilityKey | undefined,
    adds: readonly string[],
  ): void {
    if (expressions !== undefined) this.#report(node, checkCondition(value, available(expressions, adds)));
  }

  #checkLiteral(
    node: ScalarNode,
    value: string | number | boolean,
    rule: Exclude<ScalarRule, { kind: 'condition' }>,
    grammar: Grammar,
    label: string,
  ): void {
    switch (rule.kind) {
      case 'anything':
        break;
      case 'text': {
        if (rule.nonEmpty && value === '')
          this.#problems.error('empty', node.span, `${label} is empty; it takes ${grammar.takes}`);
        else this.#checkText(node, typeof value === 'string' ? value : node.source, rule);
        break;
      }
      case 'boolean':
        if (typeof value !== 'boolean' || (rule.only !== undefined && value !== rule.only))
          this.#refuse(node, grammar, label);
        break;
      case 'number':
        if (typeof value !== 'number') this.#refuse(node, grammar, label);
        else if (
          value < (rule.least ?? -Infinity) ||
          value > (rule.most ?? Infinity) ||
          (rule.whole && !Number.isInteger(value))
        )
          this.#problems.error('value', node.span, `${label} takes ${grammar.takes}, not \`${node.source}\``);
        break;
      case 'choice':
        if (typeof value !== 'string' || !rule.values.includes(value)) this.#refuse(node, grammar, label);
        break;
    }
  }

  #checkText(node: ScalarNode, value: string, { check }: ScalarRule & { kind: 'text' }): void {
    const problem = check?.(value);
    if (!problem) return;
    const { rule, message, offset, length, severity } = problem;
    const span = offset === undefined ? node.span : this.#part(node, offset, length ?? 1);
    if (severity === 'warning') this.#problems.warning(rule, span, message);
    else this.#problems.error(rule, span, message);
  }

  #refuse(node: ScalarNode, grammar: Grammar, label: string): void {
    const { value } = node;
    const { scalar } = grammar;
    const text = String(value);
    let wayOut = '';
    if (scalar?.kind === 'choice')
      wayOut = didYouMean(text, scalar.values) || (scalar.named ? `; expected ${list(scalar.values)}` : '');
    else if (typeof value !== 'string') wayOut = '';
    else if (scalar?.kind === 'boolean' && /^(?:true|false)$/i.test(text)) wayOut = '; remove the quotes';
    else if (scalar?.kind === 'number' && text.trim() !== '' && !Number.isNaN(Number(text)))
      wayOut = '; remove the quotes';
    const rule = scalar?.kind === 'choice' ? 'value' : 'type';
    this.#problems.error(rule, node.span, `${label} takes ${grammar.takes}, not ${describe(node)}${wayOut}`);
  }

  #report(node: ScalarNode, found: readonly ExpressionProblem[]): void {
    for (const { offset, length, message, severity } of found.slice(0, MAX_PROBLEMS_IN_TEXT)) {
      const span = this.#part(node, offset, length);
      if (severity === 'warning') this.#problems.warning('condition-text', span, message);
      else this.#problems.error('expression', span, message);
    }
  }

  #part(node: ScalarNode, offset: number, length: number): Span {
    if (typeof node.value !== 'string') return node.span;
    const start = sourceOffset(this.#text, node, offset);
    return { start, end: length > 0 ? sourceOffset(this.#text, node, offset + length - 1) + 1 : start };
  }
}

function available(key: AvailabilityKey, adds: readonly string[]): Availability {
  const place: Availability = AVAILABILITY[key];
  return adds.length === 0 ? place : { ...place, contexts: [...place.contexts, ...adds] };
}

function acceptsNothing(rule: ScalarRule | undefined): boolean {
  return (rule?.kind === 'text' && rule.nonEmpty !== true) || rule?.kind === 'condition' || rule?.kind === 'anything';
}

function describe(node: ScalarNode): string {
  if (typeof node.value !== 'string') return `\`${node.source}\``;
  return node.value === '' ? 'an empty text' : `the text ${quote(node.value)}`;
}
