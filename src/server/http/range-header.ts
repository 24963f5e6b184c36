import { failure } from './api-failure.ts';

/** `from` null: the last `length` bytes. `to` is the last byte, null: to the end. */
export interface ByteRange {
  readonly from: number | null;
  readonly to: number | null;
}

/** One range of bytes; null without the header. Refuses what it does not understand. */
export function rangeOf(header: string | undefined): ByteRange | null {
  if (header === undefined) return null;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  const [, first = '', last = ''] = match ?? [];
  const from = first === '' ? null : Number(first);
  const to = last === '' ? null : Number(last);
  if (!match || (from === null && to === null) || (from !== null && to !== null && to < from))
    throw failure('invalid', null, 'Range is bytes=FROM-TO, bytes=FROM- or bytes=-COUNT here');
  return { from, to };
}
