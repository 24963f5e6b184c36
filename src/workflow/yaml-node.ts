import type { Span } from './problem-list.ts';

/** What a file says, aliases replaced by what they stand for (the same object, not a copy) and keys made text. */
export type YamlNode = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly style: 'plain' | 'single-quoted' | 'double-quoted' | 'block';
  /** The number or boolean as it is written, `1.10`; empty for what is nothing. */
  readonly source: string;
  readonly span: Span;
}

interface ListNode {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly span: Span;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
  /** A key of it was refused, so what is missing may have been meant by that. */
  readonly incomplete: boolean;
  readonly span: Span;
}

export interface MapEntry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: YamlNode;
}

export function entryOf(node: YamlNode | null, key: string): MapEntry | null {
  return node?.kind === 'map' ? (node.entries.find((entry) => entry.key === key) ?? null) : null;
}

/** The value of a key, null when it is absent or the node is no mapping. */
export function child(node: YamlNode | null, key: string): YamlNode | null {
  return entryOf(node, key)?.value ?? null;
}

/** The text of a string, null for everything else. */
export function stringOf(node: YamlNode | null): string | null {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : null;
}

export function itemsOf(node: YamlNode | null): readonly YamlNode[] {
  return node?.kind === 'list' ? node.items : [];
}

export function entriesOf(node: YamlNode | null): readonly MapEntry[] {
  return node?.kind === 'map' ? node.entries : [];
}

/** One value or a list of them. */
export function oneOrMany(node: YamlNode | null): readonly YamlNode[] {
  if (node === null) return [];
  return node.kind === 'list' ? node.items : [node];
}

/** What to point at when the whole of a node is meant: its first key, or its first line. */
export function spotOf(node: YamlNode): Span {
  const first = node.kind === 'map' ? node.entries[0] : undefined;
  return first ? first.keySpan : node.span;
}
