import type { Pattern } from './pattern-matcher.ts';

/**
 * What the bytes look like inside of any base64 text, at each of the three places where they can start in a group of
 * three. Only the characters that no neighbour can change are the pattern; the first and the last one that carry bits
 * of a neighbour too belong to the hit when they fit. (GitHub's runner drops whole bytes at the start and lets bits
 * of the last one leak, its ADR 0297.) Empty for less than four bytes: their inner part says nothing.
 */
export function base64Patterns(bytes: Buffer): Pattern[] {
  if (bytes.length < MIN_BYTES) return [];
  return ENCODINGS.flatMap((encoding) => [0, 1, 2].map((offset) => patternAt(bytes, offset, encoding)));
}

function patternAt(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): Pattern {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(3)]).toString(encoding);
  const firstBit = offset * 8;
  const lastBit = firstBit + bytes.length * 8;
  const start = Math.ceil(firstBit / 6);
  const end = Math.floor(lastBit / 6);
  return {
    bytes: Buffer.from(encoded.slice(start, end), 'latin1'),
    wholeWord: false,
    // The low bits of the character before are ours, the high bits of the one after.
    before: fitting(encoded, start - 1, (1 << (start * 6 - firstBit)) - 1),
    after: fitting(encoded, end, 63 ^ ((1 << (6 - (lastBit - end * 6))) - 1)),
  };
}

/**
 * The characters of any alphabet that agree with the one at `index` in the bits of `mask`; none where no bit is ours.
 * Of any, because the same inner part in two alphabets is one pattern.
 */
function fitting(encoded: string, index: number, mask: number): string {
  if (mask === 0) return '';
  const wanted = valueOf(encoded.charAt(index)) & mask;
  return Array.from(CHARACTERS)
    .filter((character) => (valueOf(character) & mask) === wanted)
    .join('');
}

function valueOf(character: string): number {
  const value = CHARACTERS.indexOf(character);
  return value < 64 ? value : value - 2;
}

/** 64 of the ordinary alphabet; then the last two of the one for URLs. */
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_';
const ENCODINGS = ['base64', 'base64url'] as const;
const MIN_BYTES = 4;
