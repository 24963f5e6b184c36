import type { ScalarNode } from './yaml-node.ts';

/**
 * Where in the file a character of a scalar stands. Both are walked together; what the file has and the value has not
 * (indentation, line ends that are folded, quotes) is stepped over.
 * @param offset UTF-16 code units into the value.
 */
export function sourceOffset(text: string, node: ScalarNode, offset: number): number {
  const value = String(node.value ?? '');
  const { start, end } = contentSpan(text, node);
  let source = start;
  for (let index = 0; index < offset && source < end; index++) {
    source = place(text, node, source, end, value[index]).next;
  }
  return place(text, node, source, end, value[offset]).start;
}

/** Without the quotes or the line of the block header. */
function contentSpan(text: string, { style, span }: ScalarNode): { start: number; end: number } {
  if (style === 'plain') return span;
  if (style !== 'block') return { start: span.start + 1, end: span.end - 1 };
  const headerEnd = text.indexOf('\n', span.start);
  return { start: headerEnd < 0 ? span.start : headerEnd + 1, end: span.end };
}

/** Where the next character of the value stands and what comes after it. */
function place(
  text: string,
  { style }: ScalarNode,
  from: number,
  end: number,
  char: string | undefined,
): { start: number; next: number } {
  for (let at = from; at < end; at++) {
    if (style === 'double-quoted' && text[at] === '\\') {
      const escape = ESCAPE.exec(text.slice(at, at + LONGEST_ESCAPE));
      const length = escape?.[0].length ?? 2;
      // An escaped line break stands for nothing.
      if (text[at + 1] === '\n' || text[at + 1] === '\r') continue;
      return { start: at, next: at + length };
    }
    if (text[at] === char) return { start: at, next: at + 1 };
  }
  return { start: from, next: from };
}

const ESCAPE = /^\\(?:x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|U[\dA-Fa-f]{8}|[^])/;
const LONGEST_ESCAPE = 10;
