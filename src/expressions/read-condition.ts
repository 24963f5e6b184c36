import { hasExpression, scanTemplate, type Segment } from './scan-template.ts';

/** An `if` as written: nothing, one expression (with or without `${{ }}` around it), or a text with expressions in it. */
export type Condition =
  | { readonly kind: 'none' }
  | { readonly kind: 'expression'; readonly text: string; readonly offset: number }
  | { readonly kind: 'text'; readonly segments: readonly Segment[] };

/**
 * `${{ a }} && b` is a text on GitHub, `true && b`, and a text that is not empty is true. White space around one
 * `${{ }}`, such as the line break of a block scalar, makes no text of it here.
 */
export function readCondition(condition: string): Condition {
  if (condition.trim() === '') return { kind: 'none' };
  if (!hasExpression(condition)) return { kind: 'expression', text: condition, offset: 0 };
  const segments = scanTemplate(condition);
  const parts = segments.filter((segment) => segment.kind !== 'text' || segment.text.trim() !== '');
  const [first] = parts;
  return parts.length === 1 && first?.kind === 'expression'
    ? { kind: 'expression', text: first.text, offset: first.offset }
    : { kind: 'text', segments };
}
