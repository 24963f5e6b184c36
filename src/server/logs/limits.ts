const KIB = 1024;
const MIB = 1024 * KIB;

export interface SegmentSize {
  /** A segment takes no more frames once it has this much. */
  readonly bytes: number;
  /**
   * Zeros are written this far ahead, so that flushing a frame changes no metadata of the file, which the database's own
   * flushes would wait for.
   */
  readonly prepared: number;
}

export const SEGMENT_SIZE: SegmentSize = { bytes: 64 * MIB, prepared: 4 * MIB };
/** Bytes of a log in one frame; what is read at once to check its checksum. */
export const FRAME_BYTES = 256 * KIB;
/** What shares one flush at most. */
export const GROUP_BYTES = 16 * MIB;
/** A server's own segments that are looked through when it starts: only the last can have what is not committed. */
export const RECOVERED_SEGMENTS = 4;
/** Attempts whose logs' lengths are kept in memory. */
export const MAX_ATTEMPTS = 5_000;
/** Extents looked up at once. */
export const EXTENT_PAGE = 200;

/** A page of a search. */
export const SEARCH_PAGE_BYTES = 256 * KIB;
/** A longer line is searched in windows of this size. */
export const SEARCH_WINDOW_CHARS = 64 * KIB;
/** Windows overlap by this much: a match up to this length is found wherever it stands. */
export const SEARCH_OVERLAP_CHARS = 2 * KIB;
/** Of a line that is shown as found. */
export const HIT_TEXT_CHARS = 1_000;
/** A search that takes longer is ended, whatever its pattern does. */
export const SEARCH_LIMIT_MS = 15_000;
/** Threads that search at a time. */
export const SEARCH_THREADS = 2;

/** How often logs that have their end are compared with their hash. */
export const SEAL_CHECK_MS = 5_000;
export const SEALS_PER_CHECK = 500;
/** Read again for it at a time, of logs that this server has not seen from their beginning. */
export const SEAL_READ_BYTES = 256 * MIB;

/** A segment of another server that nothing refers to is left alone for so long: its frames may be about to count. */
export const FOREIGN_SEGMENT_MS = 24 * 60 * 60 * 1_000;
