import stringWidth from 'string-width';

/** Columns a text takes on a terminal. Plain ASCII, nearly everything, does not pay for the Unicode tables. */
export function textWidth(text: string): number {
  return PRINTABLE_ASCII.test(text) ? text.length : stringWidth(text);
}

/** At most `columns` wide, whole graphemes, ended by `…` when something was cut. The text holds no escape sequences. */
export function truncate(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (textWidth(text) <= columns) return text;
  if (PRINTABLE_ASCII.test(text)) return `${text.slice(0, columns - 1)}…`;
  let kept = '';
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Exactly `columns` wide. */
export function fit(text: string, columns: number): string {
  const cut = truncate(text, columns);
  return cut + ' '.repeat(Math.max(columns - textWidth(cut), 0));
}

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
