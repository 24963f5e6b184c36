import { eastAsianWidth } from 'get-east-asian-width';

/**
 * Columns a text without escape sequences takes on a terminal, by grapheme. Plain ASCII, nearly everything, pays for
 * nothing: setting up `Intl.Segmenter` and the Unicode tables takes 20 ms, a sixth of a short run. (The library
 * `string-width` sets them up when it is loaded.)
 */
export function textWidth(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) width += graphemeWidth(segment);
  return width;
}

/** At most `columns` wide, whole graphemes, ended by `…` when something was cut. */
export function truncate(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (PRINTABLE_ASCII.test(text)) return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
  let kept = '';
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const next = width + graphemeWidth(segment);
    if (next > columns) return `${cutTo(kept, columns - 1)}…`;
    kept += segment;
    width = next;
  }
  return text;
}

/** Exactly `columns` wide. */
export function fit(text: string, columns: number): string {
  if (PRINTABLE_ASCII.test(text)) return truncate(text, columns).padEnd(columns);
  const cut = truncate(text, columns);
  return cut + ' '.repeat(Math.max(columns - textWidth(cut), 0));
}

/** Without a mark of the cut. */
function cutTo(text: string, columns: number): string {
  let kept = '';
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += graphemeWidth(segment);
    if (width > columns) break;
    kept += segment;
  }
  return kept;
}

function graphemeWidth(segment: string): number {
  const visible = VISIBLE.exec(segment)?.[0].codePointAt(0);
  if (visible === undefined) return 0;
  return EMOJI.test(segment) ? 2 : eastAsianWidth(visible);
}

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const VISIBLE = /[^\p{Default_Ignorable_Code_Point}\p{Control}\p{Format}\p{Mark}\p{Surrogate}]/u;
/** Shown as a picture: by itself, by a selector, or as a keycap. */
const EMOJI = /\p{Emoji_Presentation}|\uFE0F|\u20E3/u;
