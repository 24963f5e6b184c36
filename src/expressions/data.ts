import {
  Array as ArrayKind,
  BooleanData,
  Dictionary,
  Null,
  NumberData,
  StringData,
  type ExpressionData,
} from '@actions/expressions/data/index';
import type { Pair } from '@actions/expressions/data/expressiondata';
import type { Json, JsonObject } from './json.ts';

/** Contexts are immutable, so one object is converted once, and only as far as expressions look into it. */
const converted = new WeakMap<object, ExpressionData>();

export function toData(value: Json): ExpressionData {
  if (value === null) return new Null();
  if (typeof value === 'string') return new StringData(value);
  if (typeof value === 'number') return new JsonNumber(value);
  if (typeof value === 'boolean') return new BooleanData(value);
  const known = converted.get(value);
  if (known) return known;
  const data = isList(value) ? new JsonArray(value) : new JsonDictionary(value);
  converted.set(value, data);
  return data;
}

export function fromData(data: ExpressionData): Json {
  if (data instanceof JsonArray || data instanceof JsonDictionary) return data.source;
  if (data instanceof ArrayKind) return data.values().map(fromData);
  if (data instanceof Dictionary)
    return Object.fromEntries(data.pairs().map(({ key, value }) => [key, fromData(value)]));
  return data instanceof Null ? null : data.value;
}

/**
 * A number as .NET's format `G15` writes it, which is what GitHub does: 15 significant digits, and an exponent from
 * 1E+15 up and from 1E-05 down.
 */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const exponent = Number(/e(.*)$/.exec(value.toExponential(14))?.[1]);
  if (exponent > -5 && exponent < 15) return trimFraction(value.toFixed(14 - exponent > 0 ? 14 - exponent : 0));
  const [digits = '', power = ''] = value.toExponential(14).split('e');
  const sign = power.startsWith('-') ? '-' : '+';
  return `${trimFraction(digits)}E${sign}${power.slice(1).padStart(2, '0')}`;
}

function trimFraction(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

export class JsonNumber extends NumberData {
  override coerceString(): string {
    return numberText(this.value);
  }
}

class JsonArray extends ArrayKind {
  readonly source: readonly Json[];
  #items: ExpressionData[] | undefined;

  constructor(source: readonly Json[]) {
    super();
    this.source = source;
  }

  override values(): ExpressionData[] {
    return (this.#items ??= this.source.map(toData));
  }

  override get(index: number): ExpressionData {
    return this.values()[index] ?? new Null();
  }
}

/**
 * Finds a key as it is written, else without regard to case. (The library's own finds the first of several keys that
 * differ in case only, and loses a key named `constructor`.)
 */
class JsonDictionary extends Dictionary {
  readonly source: JsonObject;
  #keysByLowerCase: Map<string, string> | undefined;

  constructor(source: JsonObject) {
    super();
    this.source = source;
  }

  override get(key: string): ExpressionData | undefined {
    const exact = this.#read(key);
    if (exact) return exact;
    const similar = this.#index().get(key.toLowerCase());
    return similar === undefined ? undefined : this.#read(similar);
  }

  override values(): ExpressionData[] {
    return this.pairs().map((pair) => pair.value);
  }

  override pairs(): Pair[] {
    return Object.entries(this.source).map(([key, value]) => ({ key, value: toData(value) }));
  }

  #read(key: string): ExpressionData | undefined {
    const value = Object.hasOwn(this.source, key) ? this.source[key] : undefined;
    return value === undefined ? undefined : toData(value);
  }

  #index(): Map<string, string> {
    if (this.#keysByLowerCase) return this.#keysByLowerCase;
    const index = new Map<string, string>();
    for (const key of Object.keys(this.source)) {
      if (!index.has(key.toLowerCase())) index.set(key.toLowerCase(), key);
    }
    return (this.#keysByLowerCase = index);
  }
}

function isList(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}
