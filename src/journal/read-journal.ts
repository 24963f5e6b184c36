import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { AttemptRecord } from '../protocol/attempt-record.ts';
import { CHAIN_START, chainHash } from '../kernel/record-chain.ts';
import { decodeFrame, type Frame, FRAME_HEADER_BYTES, textLength } from './frame.ts';
import { type JournalTail, scanJournal } from './scan-journal.ts';

export interface ReadRange {
  /** First record wanted, from 1. */
  readonly fromSeq: number;
  /** Last one that may be returned: of a journal that is being written, the last one that is on the disk. */
  readonly toSeq?: number;
  readonly maxRecords: number;
  /** Of all texts in UTF-8; one record comes however long it is. */
  readonly maxBytes: number;
}

export interface JournalPart {
  /** The chain's hash before the first of them. */
  readonly before: string;
  /** Texts, without gaps, beginning with `fromSeq`; empty when there is nothing (yet). */
  readonly records: readonly string[];
}

/** Reads on in a journal that somebody else writes; remembers where records are, so that each is looked for once. */
export class JournalReader {
  readonly #path: string;
  /** Of record `i + 1`: where it begins, and the chain's hash before it. One more than there are records. */
  readonly #index: { readonly offset: number; readonly before: string }[] = [{ offset: 0, before: CHAIN_START }];

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Null when the record before `fromSeq` is not there (any more): who asks knows of a journal that this one is not. One
   * that is not there yet has no records.
   * @throws what the file system says.
   */
  async read({ fromSeq, toSeq = Infinity, maxRecords, maxBytes }: ReadRange): Promise<JournalPart | null> {
    const file = await openIfThere(this.#path);
    if (file === null) return fromSeq === 1 ? { before: CHAIN_START, records: [] } : null;
    try {
      while (this.#index.length < fromSeq) if ((await this.#next(file, this.#index.length)) === null) return null;
      const { before } = this.#index[fromSeq - 1] as { before: string };
      const records: string[] = [];
      let bytes = 0;
      for (let seq = fromSeq; seq <= toSeq && records.length < maxRecords; seq++) {
        const frame = await this.#next(file, seq);
        if (frame === null) break;
        bytes += Buffer.byteLength(frame.text);
        if (bytes > maxBytes && records.length > 0) break;
        records.push(frame.text);
      }
      return { before, records };
    } finally {
      await file.close();
    }
  }

  /** The record with this number, which has to be in the index or the one behind it. */
  async #next(file: FileHandle, seq: number): Promise<Frame | null> {
    const at = this.#index[seq - 1];
    if (at === undefined) return null;
    const header = await readAt(file, at.offset, FRAME_HEADER_BYTES);
    const length = textLength(header);
    if (length === null) return null;
    const bytes = await readAt(file, at.offset, FRAME_HEADER_BYTES + length);
    const frame = decodeFrame(bytes, 0);
    if (frame === null || frame.seq !== seq) return null;
    if (this.#index.length === seq)
      this.#index.push({ offset: at.offset + frame.end, before: chainHash(at.before, frame.text) });
    return frame;
  }
}

/** One part, for who reads once. */
export function readJournal(path: string, range: ReadRange): Promise<JournalPart | null> {
  return new JournalReader(path).read(range);
}

export interface JournalState {
  /** 0 and the hash of the start when there is no journal or nothing usable in it. */
  readonly lastSeq: number;
  readonly lastHash: string;
  /** Its last record is `job-finished`. */
  readonly finished: boolean;
  readonly tail: JournalTail;
}

/** What a journal holds, as far as it is whole. Changes nothing. @throws what the file system says. */
export async function inspectJournal(path: string): Promise<JournalState> {
  let last = '';
  const { lastSeq, lastHash, tail } = scanJournal(await contentOf(path), (text) => {
    last = text;
  });
  return { lastSeq, lastHash, finished: isFinish(last), tail };
}

/** Every usable record, parsed: for who has to know what an attempt was doing. @throws what the file system says. */
export async function readAllRecords(path: string): Promise<readonly AttemptRecord[]> {
  const records: AttemptRecord[] = [];
  scanJournal(await contentOf(path), (text) => records.push(JSON.parse(text) as AttemptRecord));
  return records;
}

/** Whether the text is that of a `job-finished`. */
export function isFinish(text: string): boolean {
  return text.includes('"job-finished"') && (JSON.parse(text) as AttemptRecord).kind === 'job-finished';
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.allocUnsafe(length), length, position: offset });
  return buffer.subarray(0, bytesRead);
}
