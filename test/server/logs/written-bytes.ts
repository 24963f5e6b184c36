/** What the log of a step has at a place: lines of different lengths, the same every time. */
export function bytesAt(step: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) {
    const place = offset + at;
    bytes[at] = (place * 31 + step) % 47 === 0 ? 0x0a : 0x20 + ((place * 7 + step * 13) % 95);
  }
  return bytes;
}
