/** The folder of the segments: the one thing of the logs that touches files. Errors are those of `node:fs`. */
export interface LogDisk {
  /** 32 bits that nobody can foretell. */
  salt(): number;
  /** Segments, in no order. `changedAt`: milliseconds since the epoch. */
  list(): Promise<readonly { readonly name: string; readonly bytes: number; readonly changedAt: number }[]>;
  /** A new, empty one, whose name is on disk when this resolves. Fails with `EEXIST`. */
  create(name: string): Promise<SegmentFile>;
  /** To read, from any server that shares the folder. Fails with `ENOENT`. */
  open(name: string): Promise<SegmentFile>;
  truncate(name: string, bytes: number): Promise<void>;
  /** Nothing to do when it is gone. */
  remove(name: string): Promise<void>;
}

export interface SegmentFile {
  /** All of it, or an error: then any part of it may be there. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves when what was written survives a power cut. */
  sync(): Promise<void>;
  /** Fewer bytes at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}
