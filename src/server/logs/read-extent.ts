import type { Extent } from './find-log.ts';
import type { LogDisk, SegmentFile } from './log-disk.ts';
import { decodeFrameHead, decodeSegmentHead, FRAME_HEAD_BYTES, isIntact, SEGMENT_HEAD_BYTES } from './log-frame.ts';

/** Segments that are open for a while, each with its salt. */
export interface SegmentReaders {
  /** Null: it is gone, or no segment. */
  open(name: string): Promise<{ readonly file: SegmentFile; readonly salt: number } | null>;
}

/** What `use` opens is closed after it. */
export async function withReaders<T>(disk: LogDisk, use: (readers: SegmentReaders) => Promise<T>): Promise<T> {
  const opened = new Map<string, Promise<{ file: SegmentFile; salt: number | null } | null>>();
  const open = async (name: string): Promise<{ file: SegmentFile; salt: number | null } | null> => {
    let file: SegmentFile;
    try {
      file = await disk.open(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    return { file, salt: decodeSegmentHead(await file.read(0, SEGMENT_HEAD_BYTES)) };
  };
  try {
    return await use({
      async open(name) {
        const opening = opened.get(name) ?? open(name);
        opened.set(name, opening);
        const segment = await opening;
        return segment === null || segment.salt === null ? null : { file: segment.file, salt: segment.salt };
      },
    });
  } finally {
    for (const opening of opened.values()) await (await opening)?.file.close();
  }
}

/** The bytes of an extent, checked; null when they are damaged or gone. */
export async function readExtent(
  readers: SegmentReaders,
  attempt: string,
  step: number,
  extent: Extent,
): Promise<Buffer | null> {
  const segment = await readers.open(extent.segment);
  if (segment === null) return null;
  // Mostly the frame begins where the extent does, so one read is enough.
  const headBytes = FRAME_HEAD_BYTES + Buffer.byteLength(attempt);
  let bytes = await segment.file.read(extent.position, headBytes + extent.length);
  const head = decodeFrameHead(bytes);
  if (head?.attempt !== attempt || head.step !== step) return null;
  const frameBytes = head.headBytes + head.length;
  if (bytes.length < frameBytes) bytes = await segment.file.read(extent.position, frameBytes);
  if (!isIntact(bytes, head, segment.salt)) return null;
  const skip = extent.offset - head.offset;
  if (skip < 0 || skip + extent.length > head.length) return null;
  return bytes.subarray(head.headBytes + skip, head.headBytes + skip + extent.length);
}
