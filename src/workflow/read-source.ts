import { isUtf8 } from 'node:buffer';
import { ProblemList } from './problem-list.ts';

/** A larger file is refused unread. The largest generated workflows are a tenth of it. */
export const MAX_SOURCE_BYTES = 1024 * 1024;

const BYTES_PER_MIB = 1024 * 1024;

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = '\uFEFF';

/** The text of a file without its byte order mark, or null when it is no text that could be read; then a problem says why. */
export function readSource(
  source: string | Uint8Array,
  file: string,
): { readonly text: string | null; readonly problems: ProblemList } {
  if (source.length > MAX_SOURCE_BYTES) {
    const megabytes = (source.length / BYTES_PER_MIB).toFixed(1);
    const message = `the file is too large: ${megabytes} MiB, the limit is ${MAX_SOURCE_BYTES / BYTES_PER_MIB} MiB; move scripts into files of their own`;
    return refuse(file, '', 'too-large', 0, message);
  }
  if (typeof source !== 'string' && !isUtf8(source)) return refuseBytes(Buffer.from(source), file);
  const decoded = typeof source === 'string' ? source : Buffer.from(source).toString('utf8');
  const text = decoded.startsWith(BYTE_ORDER_MARK) ? decoded.slice(1) : decoded;
  const nul = text.indexOf('\0');
  if (nul >= 0) return refuse(file, text, 'encoding', nul, 'the file is no text: it holds a NUL character here');
  return { text, problems: new ProblemList(file, text) };
}

function refuseBytes(bytes: Buffer, file: string): ReturnType<typeof readSource> {
  const text = bytes.toString('utf8');
  if (hasUtf16Mark(bytes)) {
    return refuse(file, '', 'encoding', 0, 'the file is UTF-16 text, but UTF-8 was expected; save it as UTF-8');
  }
  return refuse(file, text, 'encoding', offsetOfInvalid(bytes), 'the file is not UTF-8 from here on; save it as UTF-8');
}

function hasUtf16Mark(bytes: Buffer): boolean {
  const [first, second] = bytes;
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

/** Where the replacement character for the first invalid byte stands in the decoded text. */
function offsetOfInvalid(bytes: Buffer): number {
  let offset = 0;
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(LINE_FEED, start);
    const end = feed < 0 ? bytes.length : feed + 1;
    const line = bytes.subarray(start, end);
    const text = line.toString('utf8');
    if (!isUtf8(line)) return offset + Math.max(0, text.indexOf('\uFFFD'));
    offset += text.length;
    start = end;
  }
  return 0;
}

function refuse(
  file: string,
  text: string,
  rule: 'too-large' | 'encoding',
  offset: number,
  message: string,
): ReturnType<typeof readSource> {
  const problems = new ProblemList(file, text);
  problems.error(rule, { start: offset, end: offset + 1 }, message);
  return { text: null, problems };
}
