import { isAlias, isCollection, isMap, isScalar, isSeq, type Document, type Node, type Pair, type Scalar } from 'yaml';
import { quote } from '../expressions/quote.ts';
import type { ProblemList, Span } from './problem-list.ts';
import { describeTag } from './yaml-message.ts';
import type { MapEntry, ScalarNode, YamlNode } from './yaml-node.ts';

/** Values, lists and mappings of a file after aliases are put in. GitHub counts a million events, of three kinds. */
export const MAX_NODES = 100_000;

/** Lists and mappings inside each other, in the text and after aliases are put in. GitHub's limit for actions. */
export const MAX_DEPTH = 100;

/** Tags that say what the core schema would say anyway. */
const CORE_TAG = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;
const MERGE_KEY = '<<';
const NO_SPAN: Span = { start: 0, end: 1 };

/**
 * Makes our tree from a document without syntax errors: puts in aliases, makes keys text, finds keys that are given twice
 * (without regard to case, as GitHub does). Null when a limit is passed; then a problem says so.
 */
export function buildTree(document: Document.Parsed, text: string, problems: ProblemList): YamlNode | null {
  const built = new TreeBuilder(text, problems).build(document.contents, NO_SPAN);
  return built?.node ?? null;
}

type KeyPlace = Pick<MapEntry, 'key' | 'keySpan'>;

interface Built {
  readonly node: YamlNode;
  /** Nodes in it and levels of it, with aliases put in. */
  readonly nodes: number;
  readonly depth: number;
}

class TreeBuilder {
  readonly #text: string;
  readonly #problems: ProblemList;
  /** What each anchor stands for; `open` while its node is being built. */
  readonly #anchors = new Map<string, Built | 'open'>();

  constructor(text: string, problems: ProblemList) {
    this.#text = text;
    this.#problems = problems;
  }

  /** @param place Where to point when there is nothing, as after a bare `key:`. */
  build(node: Node | null, place: Span): Built | null {
    if (node === null) return leaf({ kind: 'scalar', value: null, style: 'plain', source: '', span: place });
    const span = spanOf(node, place);
    if (isAlias(node)) return this.#resolve(node.source, span);
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    this.#checkTag(node, span);
    const built = isCollection(node) ? this.#buildCollection(node, span) : leaf(scalarNode(node, span, place));
    if (built !== null && (built.nodes > MAX_NODES || built.depth > MAX_DEPTH)) {
      this.#refuseSize(built, span);
      return null;
    }
    if (anchor !== undefined && built !== null) this.#anchors.set(anchor, built);
    return built;
  }

  #resolve(name: string, span: Span): Built | null {
    const target = this.#anchors.get(name);
    if (target !== undefined && target !== 'open') return target;
    const message =
      target === 'open'
        ? `the alias ${quote(`*${name}`)} stands inside of what it stands for`
        : `no anchor ${quote(`&${name}`)} comes before the alias ${quote(`*${name}`)}`;
    this.#problems.error(target === 'open' ? 'alias-expansion' : 'yaml', span, message);
    return leaf({ kind: 'scalar', value: null, style: 'plain', source: '', span });
  }

  #buildCollection(node: Node, span: Span): Built | null {
    const children: Built[] = [];
    if (isSeq(node)) {
      for (const item of node.items) {
        const built = this.build(item as Node | null, span);
        if (built === null) return null;
        children.push(built);
      }
      return { node: { kind: 'list', items: children.map((item) => item.node), span }, ...measure(children) };
    }
    const entries: MapEntry[] = [];
    let incomplete = false;
    const keys = new Map<string, KeyPlace>();
    for (const pair of isMap(node) ? (node.items as Pair<Node | null, Node | null>[]) : []) {
      const key = this.#readKey(pair.key, span);
      incomplete ||= key === null;
      const value = this.build(pair.value, key?.keySpan ?? span);
      if (value === null) return null;
      children.push(value);
      if (key !== null && !this.#isRepeated(key, keys)) entries.push({ ...key, value: value.node });
    }
    return { node: { kind: 'map', entries, incomplete, span }, ...measure(children) };
  }

  #readKey(node: Node | null, place: Span): KeyPlace | null {
    const keySpan = node === null ? place : spanOf(node, place);
    const anchored = isAlias(node) ? this.#resolve(node.source, keySpan)?.node : undefined;
    const scalar = isScalar(node) ? scalarNode(node, keySpan, keySpan) : anchored;
    if (scalar?.kind !== 'scalar' || scalar.value === null) {
      this.#problems.error('yaml', keySpan, 'a key must be text');
      return null;
    }
    const key = typeof scalar.value === 'string' ? scalar.value : scalar.source;
    if (isScalar(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, leaf(scalar));
    if (key !== MERGE_KEY || scalar.style !== 'plain') return { key, keySpan };
    const message =
      'merge keys are not part of the workflow language; use an alias for a whole value, or repeat the keys';
    this.#problems.error('merge-key', keySpan, message);
    return null;
  }

  /** False for another spelling, reported as well: it is a key of its own to whoever looks for it. */
  #isRepeated({ key, keySpan }: KeyPlace, keys: Map<string, KeyPlace>): boolean {
    const folded = key.toUpperCase();
    const first = keys.get(folded);
    if (first === undefined) {
      keys.set(folded, { key, keySpan });
      return false;
    }
    const spelled = first.key === key ? '' : `, spelled ${quote(first.key)}`;
    const { line } = this.#problems.position(first.keySpan.start);
    const message = `${quote(key)} is given twice; it is already on line ${line}${spelled}`;
    this.#problems.error('duplicate-key', keySpan, message);
    return first.key === key;
  }

  #checkTag(node: Node, span: Span): void {
    const { tag } = node as { tag?: string };
    if (tag === undefined || CORE_TAG.test(tag)) return;
    const start = this.#text.lastIndexOf(tag, span.start);
    const tagSpan = start < 0 ? span : { start, end: start + tag.length };
    this.#problems.error('yaml-tag', tagSpan, describeTag(tag));
  }

  #refuseSize({ nodes }: Built, span: Span): void {
    const [rule, message] =
      nodes > MAX_NODES
        ? ([
            'alias-expansion',
            `this holds more than ${MAX_NODES} values when its aliases are put in, which is the limit`,
          ] as const)
        : (['nesting', `nested too deeply when its aliases are put in: the limit is ${MAX_DEPTH} levels`] as const);
    this.#problems.error(rule, span, message);
  }
}

function scalarNode(scalar: Scalar, span: Span, place: Span): ScalarNode {
  const { value, source = '', type } = scalar;
  const style = STYLES[type ?? 'PLAIN'] ?? 'plain';
  if (value === null || value === undefined) {
    return { kind: 'scalar', value: null, style, source: '', span: span.start === span.end ? place : span };
  }
  // A number too large for one, or what a `%YAML 1.1` file might make of a date, is text as it is written.
  const plain = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  return { kind: 'scalar', value: plain ? (value as string | number | boolean) : source, style, source, span };
}

const STYLES: Readonly<Record<string, ScalarNode['style']>> = {
  QUOTE_SINGLE: 'single-quoted',
  QUOTE_DOUBLE: 'double-quoted',
  BLOCK_FOLDED: 'block',
  BLOCK_LITERAL: 'block',
};

function spanOf(node: Node, place: Span): Span {
  const { range } = node;
  return range ? { start: range[0], end: range[1] } : place;
}

function leaf(node: ScalarNode): Built {
  return { node, nodes: 1, depth: 0 };
}

function measure(children: readonly Built[]): Pick<Built, 'nodes' | 'depth'> {
  let nodes = 1;
  let depth = 0;
  for (const child of children) {
    nodes += child.nodes;
    depth = Math.max(depth, child.depth);
  }
  return { nodes, depth: depth + 1 };
}
