import { looselyEqual } from '../expressions/equals.ts';
import { toText } from '../expressions/evaluate.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';

/** What GitHub allows. */
const MAX_MATRIX_INSTANCES = 256;
/** Combinations before `exclude`; more would take long for nothing. */
const MAX_MATRIX_COMBINATIONS = 65_536;

export interface ExpandedMatrix {
  /** The `matrix` context of each instance. Empty when everything is excluded. */
  readonly instances: readonly JsonMap[];
  /** What the name of each instance has in brackets, such as `linux, 20`; values that an `include` added are not in it. */
  readonly labels: readonly string[];
}

/**
 * Makes the instances of an evaluated `strategy.matrix`, as GitHub does (order, comparison and names after the
 * `MatrixBuilder` of actions/runner): the product of all lists in written order, the last list fastest; without what an
 * `exclude` matches; each with what the matching `include` entries add; then the `include` entries that match nothing.
 * Entries are compared as `==` compares, level by level, and a mapping matches one that has more in it.
 */
export function expandMatrix(matrix: Json): ExpandedMatrix | { readonly problem: string } {
  if (!isMap(matrix)) return { problem: `\`matrix\` takes a mapping, but it is ${kindOf(matrix)}` };
  try {
    const { include = [], exclude = [], ...vectors } = matrix;
    const lists = readVectors(vectors);
    const includes = readEntries('include', include).map((entry) => split(entry, lists));
    const excludes = readEntries('exclude', exclude);
    checkExcludes(excludes, lists);
    if (lists.length === 0 && includes.length === 0) return { problem: '`matrix` defines nothing to run' };
    return build(lists, includes, excludes);
  } catch (error) {
    if (error instanceof MatrixProblem) return { problem: error.message };
    throw error;
  }
}

class MatrixProblem extends Error {}

interface Vector {
  readonly name: string;
  readonly values: readonly Json[];
}

interface Include {
  /** Keys that are vectors of the matrix: where the entry belongs to. */
  readonly filter: JsonMap;
  /** The other keys: what the entry adds. */
  readonly extra: JsonMap;
}

function build(
  vectors: readonly Vector[],
  includes: readonly Include[],
  excludes: readonly JsonMap[],
): ExpandedMatrix | { readonly problem: string } {
  const instances: JsonMap[] = [];
  const labels: string[] = [];
  const unmatched = new Set(includes);
  for (const combination of product(vectors)) {
    if (excludes.some((entry) => matches(combination, entry))) continue;
    let extra: JsonMap = {};
    for (const include of includes) {
      if (!matches(combination, include.filter)) continue;
      unmatched.delete(include);
      extra = merge(extra, include.extra);
    }
    instances.push({ ...combination, ...extra });
    labels.push(label(combination));
  }
  for (const { filter, extra } of unmatched) {
    instances.push({ ...filter, ...extra });
    labels.push(label({ ...filter, ...extra }));
  }
  return instances.length > MAX_MATRIX_INSTANCES
    ? { problem: `\`matrix\` makes ${instances.length} jobs, the limit is ${MAX_MATRIX_INSTANCES}` }
    : { instances, labels };
}

function readVectors(vectors: JsonMap): Vector[] {
  let combinations = 1;
  return Object.entries(vectors).map(([name, values]) => {
    if (!isList(values)) throw new MatrixProblem(`\`matrix.${name}\` takes a list, but it is ${kindOf(values)}`);
    if (values.length === 0) throw new MatrixProblem(`\`matrix.${name}\` has no values`);
    combinations *= values.length;
    if (combinations > MAX_MATRIX_COMBINATIONS) {
      throw new MatrixProblem(`\`matrix\` has more than ${MAX_MATRIX_COMBINATIONS} combinations`);
    }
    return { name, values };
  });
}

function readEntries(key: 'include' | 'exclude', entries: Json): JsonMap[] {
  if (!isList(entries)) throw new MatrixProblem(`\`matrix.${key}\` takes a list, but it is ${kindOf(entries)}`);
  return entries.map((entry) => {
    if (!isMap(entry))
      throw new MatrixProblem(`an entry of \`matrix.${key}\` takes a mapping, but it is ${kindOf(entry)}`);
    if (Object.keys(entry).length === 0) throw new MatrixProblem(`an entry of \`matrix.${key}\` is empty`);
    return entry;
  });
}

function checkExcludes(excludes: readonly JsonMap[], vectors: readonly Vector[]): void {
  for (const name of excludes.flatMap((entry) => Object.keys(entry))) {
    if (!isVector(name, vectors))
      throw new MatrixProblem(`\`matrix.exclude\` names '${name}', which \`matrix\` does not have`);
  }
}

function split(entry: JsonMap, vectors: readonly Vector[]): Include {
  const pairs = Object.entries(entry);
  return {
    filter: Object.fromEntries(pairs.filter(([name]) => isVector(name, vectors))),
    extra: Object.fromEntries(pairs.filter(([name]) => !isVector(name, vectors))),
  };
}

function* product(vectors: readonly Vector[]): Generator<JsonMap> {
  if (vectors.length === 0) return;
  const size = vectors.reduce((count, vector) => count * vector.values.length, 1);
  for (let index = 0; index < size; index++) {
    let block = size;
    yield Object.fromEntries(
      vectors.map(({ name, values }) => {
        block /= values.length;
        return [name, values[Math.floor(index / block) % values.length] ?? null];
      }),
    );
  }
}

/** True when every value in `pattern` is found at its place in `value`. An empty list or mapping asks for nothing. */
function matches(value: Json, pattern: Json): boolean {
  if (isList(pattern))
    return pattern.every((item, index) => matches(isList(value) ? (value[index] ?? null) : null, item));
  if (isMap(pattern)) return Object.entries(pattern).every(([key, item]) => matches(property(value, key), item));
  return looselyEqual(value, pattern);
}

function property(value: Json, key: string): Json {
  if (!isMap(value)) return null;
  const name = Object.hasOwn(value, key) ? key : Object.keys(value).find((other) => sameName(other, key));
  return name === undefined ? null : (value[name] ?? null);
}

/** As an assignment, but keys are found without regard to case. */
function merge(target: JsonMap, source: JsonMap): JsonMap {
  const kept = Object.entries(target).filter(([key]) => !Object.keys(source).some((other) => sameName(other, key)));
  return { ...Object.fromEntries(kept), ...source };
}

function label(instance: JsonMap): string {
  return leaves(instance).join(', ');
}

function leaves(value: Json): string[] {
  if (isList(value)) return value.flatMap(leaves);
  if (isMap(value)) return Object.values(value).flatMap(leaves);
  const text = toText(value);
  return text === '' ? [] : [text];
}

function isVector(name: string, vectors: readonly Vector[]): boolean {
  return vectors.some((vector) => sameName(vector.name, name));
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isMap(value: Json): value is JsonMap {
  return typeof value === 'object' && value !== null && !isList(value);
}

function kindOf(value: Json): string {
  if (value === null) return 'empty';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'object') return isList(value) ? 'a list' : 'a mapping';
  return `a ${typeof value}`;
}
