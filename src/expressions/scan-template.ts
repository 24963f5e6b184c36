/** A part of a text that may hold `${{ }}`. `offset` is where `text` starts in the whole; for an expression that is just after `${{`. */
export interface Segment {
  readonly kind: 'text' | 'expression' | 'unclosed';
  readonly text: string;
  readonly offset: number;
}

const OPEN = '${{';
const CLOSE = '}}';

/**
 * Splits a text at its `${{ }}`. As GitHub's template reader does it: `}}` inside a single-quoted string does not close,
 * `''` inside a string is a quote, and an expression that is never closed takes the rest of the text (kind `unclosed`).
 */
export function scanTemplate(text: string): readonly Segment[] {
  const segments: Segment[] = [];
  let position = 0;
  while (position < text.length) {
    const open = text.indexOf(OPEN, position);
    const literalEnd = open < 0 ? text.length : open;
    if (literalEnd > position) {
      segments.push({ kind: 'text', text: text.slice(position, literalEnd), offset: position });
    }
    if (open < 0) break;
    const start = open + OPEN.length;
    const close = findClose(text, start);
    segments.push({
      kind: close < 0 ? 'unclosed' : 'expression',
      text: text.slice(start, close < 0 ? text.length : close),
      offset: start,
    });
    if (close < 0) break;
    position = close + CLOSE.length;
  }
  return segments;
}

/** True when there may be something to evaluate; cheap, for the many texts that hold nothing. */
export function hasExpression(text: string): boolean {
  return text.includes(OPEN);
}

function findClose(text: string, start: number): number {
  let quoted = false;
  for (let index = start; index < text.length; index++) {
    // An escaped quote ('') flips twice, which is right.
    if (text[index] === "'") quoted = !quoted;
    else if (!quoted && text.startsWith(CLOSE, index)) return index;
  }
  return -1;
}
