import { stripVTControlCharacters } from 'node:util';

/**
 * What a program printed, as one line that cannot move the cursor, colour what follows or turn its direction: fit for a
 * place in a view of ours.
 */
export function plainLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\t', ' ').replace(CONTROLS, '').trim();
}

/** C0 and C1 controls, line separators, and the characters that turn the direction of text. */
// eslint-disable-next-line no-control-regex -- these are what it is about
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
