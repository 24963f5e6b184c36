import type { Pattern } from './pattern-matcher.ts';

/**
 * What the bytes look like inside of any base64 text, at each of the three places where they can start in a group of
 * three. Only the characters that no neighbour can change are the pattern; the first and the last one that carry bits
 * of a neighbour too belong to the hit when they fit. (GitHub's runner drops whole bytes at the start and lets bits
 * of the last one leak, its ADR 0297.) Empty for less than four bytes: their inner part says nothing.
 */
export function base64Patterns(bytes: Buffer): Pattern[] {
  if (bytes.length < MIN_BYTES) return [];
  return ALPHABETS.flatMap((alphabet) => [0, 1, 2].map((offset) => patternAt(bytes, offset, alphabet)));
}

function patternAt(bytes: Buffer, offset: number, alphabet: Alphabet): Pattern {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(3)]).toString(alphabet.encoding);
  const firstBit = offset * 8;
  const lastBit = firstBit + bytes.length * 8;
  const start = Math.ceil(firstBit / 6);
  const end = Math.floor(lastBit / 6);
  return {
    bytes: Buffer.from(encoded.slice(start, end), 'latin1'),
    wholeWord: false,
    // The low bits of the character before are ours, the high bits of the one after.
    before: fitting(alphabet, encoded, start - 1, (1 << (start * 6 - firstBit)) - 1),
    after: fitting(alphabet, encoded, end, 63 ^ ((1 << (6 - (lastBit - end * 6))) - 1)),
  };
}

/** The characters that agree with the one at `index` in the bits of `mask`; none where no bit is ours. */
function fitting(alphabet: Alphabet, encoded: string, index: number, mask: number): string {
  if (mask === 0) return '';
  const wanted = alphabet.characters.indexOf(encoded.charAt(index)) & mask;
  return Array.from(alphabet.characters)
    .filter((_, value) => (value & mask) === wanted)
    .join('');
}

interface Alphabet {
  readonly encoding: 'base64' | 'base64url';
  readonly characters: string;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ALPHABETS: readonly Alphabet[] = [
  { encoding: 'base64', characters: `${LETTERS}+/` },
  { encoding: 'base64url', characters: `${LETTERS}-_` },
];
const MIN_BYTES = 4;
