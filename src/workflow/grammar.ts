import type { AvailabilityKey } from '../expressions/availability.ts';
import type { DiagnosticRule } from './diagnostic-rules.ts';
import type { MapNode } from './yaml-node.ts';

/** Keys named in a message; more would not be read. */
export const MAX_KEYS_NAMED = 12;

/**
 * What a value may be. Each of `scalar`, `list` and `map` that is there allows a value of that shape; checked by
 * check-grammar.ts.
 */
export interface Grammar {
  /** Completes "`key` takes …" in messages. */
  readonly takes: string;
  readonly scalar?: ScalarRule;
  readonly list?: ListRule;
  readonly map?: MapRule | MapChoice;
  /** Whatever it is, it is not looked at. */
  readonly ignored?: true;
  /** The key may stand without a value. */
  readonly nothing?: true;
  /** Expressions are allowed, with what is available here; one expression may also stand for the whole value. */
  readonly expressions?: AvailabilityKey;
  /** Contexts that all expressions inside of it may use besides. */
  readonly adds?: readonly string[];
  /** Of a grammar that comes again inside of itself, or in many places: its name in the JSON Schema. */
  readonly named?: string;
}

/** A mapping whose keys depend on which of them are there. */
interface MapChoice {
  readonly choose: (node: MapNode) => MapRule;
  /** What may be chosen, for the JSON Schema. */
  readonly among: readonly MapRule[];
}

export type ScalarRule =
  /** Numbers and booleans count as the text that they are written as. */
  | { readonly kind: 'text'; readonly nonEmpty?: true; readonly check?: TextCheck; readonly pattern?: string }
  /** `only`: just that one of the two. */
  | { readonly kind: 'boolean'; readonly only?: boolean }
  | { readonly kind: 'number'; readonly least?: number; readonly most?: number; readonly whole?: true }
  /** `named`: what it takes does not list the values yet. */
  | { readonly kind: 'choice'; readonly values: readonly string[]; readonly named?: true }
  /** An `if`, with or without `${{ }}`. */
  | { readonly kind: 'condition' }
  | { readonly kind: 'anything' };

interface ListRule {
  readonly item: Grammar;
  /** Completes "… is empty; " where an empty list is an error. */
  readonly empty?: string;
}

export interface MapRule {
  /** What the mapping describes: "a job". */
  readonly what: string;
  readonly keys: Readonly<Record<string, Grammar>>;
  /** Keys that must be there, each with what to do when it is not. */
  readonly required?: Readonly<Record<string, string>>;
  /** Keys that people write here and that are wrong here for a reason worth telling. */
  readonly refused?: Readonly<Record<string, Refusal>>;
  /** For keys that are not in `keys`. */
  readonly others?: { readonly value: Grammar; readonly check?: TextCheck };
  /** Wrong with the mapping as a whole, found while choosing this rule. */
  readonly problem?: Refusal;
  /** Said when the mapping has no keys; else it may be empty. */
  readonly empty?: string;
}

export interface Refusal {
  readonly rule: DiagnosticRule;
  readonly message: string;
}

/** Null when the text is fine. The place is a part of the text; the whole of it when it is left out. */
export type TextCheck = (text: string) => TextProblem | null;

export interface TextProblem extends Refusal {
  readonly offset?: number;
  readonly length?: number;
  readonly severity?: 'warning';
}

export function text(takes: string, expressions?: AvailabilityKey): Grammar {
  return { takes, scalar: { kind: 'text' }, ...allow(expressions) };
}

export function nonEmptyText(takes: string, expressions?: AvailabilityKey, check?: TextCheck): Grammar {
  return { takes, scalar: { kind: 'text', nonEmpty: true, ...(check ? { check } : {}) }, ...allow(expressions) };
}

export function boolean(expressions?: AvailabilityKey): Grammar {
  return { takes: 'true or false', scalar: { kind: 'boolean' }, ...allow(expressions) };
}

export function number(
  takes: string,
  expressions: AvailabilityKey | undefined,
  limits: { least?: number; most?: number; whole?: true },
): Grammar {
  return { takes, scalar: { kind: 'number', ...limits }, ...allow(expressions) };
}

/** @param what Names the values where there are too many to list them. */
export function choice(values: readonly string[], what?: string): Grammar {
  if (what === undefined) return { takes: list(values), scalar: { kind: 'choice', values } };
  return { takes: what, scalar: { kind: 'choice', values, named: true } };
}

export function condition(expressions: AvailabilityKey): Grammar {
  return { takes: 'a condition', scalar: { kind: 'condition' }, expressions };
}

export function listOf(item: Grammar, takes: string, empty?: string): Grammar {
  return { takes, list: { item, ...(empty === undefined ? {} : { empty }) } };
}

/** A value or a list of such values. */
export function oneOrMore(item: Grammar, takes: string, empty?: string): Grammar {
  return { ...item, takes, list: { item, ...(empty === undefined ? {} : { empty }) } };
}

/** A mapping with any keys. */
export function mapOf(value: Grammar, what: string, expressions?: AvailabilityKey): Grammar {
  return { takes: what, map: { what, keys: {}, others: { value } }, ...allow(expressions) };
}

/** A mapping with these keys and no others. */
export function mapWith(map: MapRule, expressions?: AvailabilityKey): Grammar {
  const names = Object.keys(map.keys);
  const takes = names.length > MAX_KEYS_NAMED ? 'a mapping' : `a mapping with ${list(names, 'and')}`;
  return { takes, map, ...allow(expressions) };
}

/** `a`, `b` or `c` */
export function list(names: readonly string[], word = 'or'): string {
  const quoted = names.map((name) => `\`${name}\``);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} ${word} ${quoted.at(-1) ?? ''}`;
}

export const IGNORED: Grammar = { takes: 'anything', ignored: true };

/** Any value, and any values inside of it; their expressions are checked. */
export function anything(takes: string, expressions: AvailabilityKey): Grammar {
  const inner: Grammar = {
    takes,
    scalar: { kind: 'anything' },
    nothing: true,
    named: 'anything',
    expressions,
    get list() {
      return { item: inner };
    },
    get map() {
      return { what: takes, keys: {}, others: { value: inner } };
    },
  };
  return inner;
}

function allow(expressions: AvailabilityKey | undefined): Pick<Grammar, 'expressions'> {
  return expressions === undefined ? {} : { expressions };
}
