import { quote } from '../expressions/quote.ts';
import { CheckScalar, isWholeExpression } from './check-scalar.ts';
import { didYouMean } from './close-name.ts';
import type { Grammar, MapRule } from './grammar.ts';
import { list, MAX_KEYS_NAMED } from './grammar.ts';
import type { ProblemList, Span } from './problem-list.ts';
import { spotOf, type MapEntry, type MapNode, type YamlNode } from './yaml-node.ts';

/** The one expression that may be a key: merges a mapping into the one around it. */
const INSERT_KEY = /^\$\{\{\s*insert\s*\}\}$/;

/** Checks a value against its grammar and reports everything that does not fit. */
export function checkGrammar(root: YamlNode, grammar: Grammar, text: string, problems: ProblemList): void {
  new GrammarCheck(text, problems).check(root, grammar, { label: 'the file', spot: spotOf(root), adds: [] });
}

interface Place {
  /** How the value is named. */
  readonly label: string;
  /** Where its key stands. */
  readonly spot: Span;
  /** Contexts that are available here besides. */
  readonly adds: readonly string[];
}

class GrammarCheck {
  readonly #problems: ProblemList;
  readonly #scalars: CheckScalar;

  constructor(text: string, problems: ProblemList) {
    this.#problems = problems;
    this.#scalars = new CheckScalar(text, problems);
  }

  check(node: YamlNode, grammar: Grammar, around: Place): void {
    if (grammar.ignored) return;
    const place = grammar.adds ? { ...around, adds: [...around.adds, ...grammar.adds] } : around;
    switch (node.kind) {
      case 'scalar':
        this.#scalars.check(node, grammar, place.label, place.adds);
        break;
      case 'list':
        this.#checkList(node.items, grammar, node.span, place);
        break;
      case 'map':
        this.#checkMap(node, grammar, place);
        break;
    }
  }

  #checkList(items: readonly YamlNode[], grammar: Grammar, span: Span, { label, adds }: Place): void {
    const rule = grammar.list;
    if (!rule) {
      this.#problems.error('type', span, `${label} takes ${grammar.takes}, not a list`);
      return;
    }
    if (items.length === 0 && rule.empty !== undefined) {
      this.#problems.error('empty', span, `${label} is empty; ${rule.empty}`);
    }
    for (const item of items) this.check(item, rule.item, { label: `an item of ${label}`, spot: spotOf(item), adds });
  }

  #checkMap(node: MapNode, grammar: Grammar, place: Place): void {
    if (!grammar.map) {
      this.#problems.error('type', spotOf(node), `${place.label} takes ${grammar.takes}, not a mapping`);
      return;
    }
    const rule = 'choose' in grammar.map ? grammar.map.choose(node) : grammar.map;
    if (rule.problem) this.#problems.error(rule.problem.rule, spotOf(node), rule.problem.message);
    if (node.entries.length === 0 && rule.empty !== undefined) {
      this.#problems.error('empty', place.spot, `${place.label} is empty; ${rule.empty}`);
    }
    for (const entry of node.entries) this.#checkEntry(entry, rule, grammar, place.adds);
    const open = node.incomplete || node.entries.some(({ key }) => INSERT_KEY.test(key));
    for (const [key, wayOut] of Object.entries(open ? {} : (rule.required ?? {}))) {
      if (node.entries.some((entry) => entry.key === key)) continue;
      // The wrong spelling of a key was reported where it stands.
      if (node.entries.some((entry) => !(entry.key in rule.keys) && didYouMean(entry.key, [key]) !== '')) continue;
      this.#problems.error('missing-key', place.spot, `${rule.what} needs \`${key}\`; ${wayOut}`);
    }
  }

  #checkEntry({ key, keySpan, value }: MapEntry, rule: MapRule, grammar: Grammar, adds: Place['adds']): void {
    if (INSERT_KEY.test(key) && grammar.expressions !== undefined) {
      this.#checkInserted(value, keySpan, grammar, adds);
      return;
    }
    const refusal = own(rule.refused, key);
    if (refusal) {
      this.#problems.error(refusal.rule, keySpan, refusal.message);
      return;
    }
    const known = own(rule.keys, key);
    if (known) {
      this.check(value, known, { label: `\`${key}\``, spot: keySpan, adds });
    } else if (rule.others) {
      if (key.includes('${{') && !rule.others.value.ignored) {
        this.#scalars.checkKey(key, keySpan, grammar.expressions, adds);
      } else {
        const problem = rule.others.check?.(key) ?? (key === '' ? EMPTY_KEY : null);
        if (problem) this.#problems.error(problem.rule, keySpan, problem.message);
      }
      this.check(value, rule.others.value, { label: quote(key), spot: keySpan, adds });
    } else {
      this.#problems.error('unknown-key', keySpan, unknownKey(key, rule));
    }
  }

  #checkInserted(value: YamlNode, keySpan: Span, grammar: Grammar, adds: Place['adds']): void {
    if (value.kind === 'map' || (value.kind === 'scalar' && isWholeExpression(value))) {
      this.check(value, grammar, { label: '`insert`', spot: keySpan, adds });
    } else {
      this.#problems.error('type', keySpan, '`insert` takes a mapping or an expression that gives one');
    }
  }
}

const EMPTY_KEY = { rule: 'empty', message: 'a key must not be empty' } as const;

function unknownKey(key: string, { what, keys }: MapRule): string {
  const names = Object.keys(keys);
  const guess = didYouMean(key, names);
  if (guess !== '') return `${what} has no key ${quote(key)}${guess}`;
  const named = names.length > MAX_KEYS_NAMED ? '' : `; it takes ${list(names, 'and')}`;
  return `${what} has no key ${quote(key)}${names.length === 0 ? '' : named}`;
}

/** A key of the file may be called `constructor`. */
function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}
