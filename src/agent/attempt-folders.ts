import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { measureLog } from '../journal/measure-log.ts';
import { openJournal } from '../journal/open-journal.ts';
import { inspectJournal, JournalReader } from '../journal/read-journal.ts';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { syncFolder } from '../kernel/write-durably.ts';
import { identityOf, isAlive } from '../process/process-identity.ts';
import type { AttemptRecord } from '../protocol/attempt-record.ts';
import { JOURNAL_FILE, LOG_FOLDER, logFile } from '../protocol/worker-link.ts';
import type { AttemptFolder, AttemptMeta, AttemptStore, JournalEnd, LogLength } from './agent-ports.ts';

export const META_FILE = 'attempt.json';
/** Records of one sync. */
const MAX_RECORDS = 1_000;

/** Below the runner's state folder; one for each attempt. */
export function attemptDirectory(attempts: string, { attempt, fence }: Pick<AttemptMeta, 'attempt' | 'fence'>): string {
  return join(attempts, `${attempt}.${fence}`);
}

/** The folders of attempts below a folder. Made when it is not there. */
export async function openAttemptFolders(attempts: string, clock: Clock, log: DiagnosticLog): Promise<AttemptStore> {
  await mkdir(attempts, { recursive: true, mode: 0o700 });
  return {
    list: async () => {
      const folders: AttemptFolder[] = [];
      for (const name of (await readdir(attempts)).sort()) {
        const directory = join(attempts, name);
        const meta = await readMeta(directory);
        if (meta !== null) folders.push(new DiskFolder(directory, meta, clock, log));
        else await removeTree(directory).catch((error: unknown) => log.warn(`cannot be removed: ${String(error)}`));
      }
      return folders;
    },
    create: async (meta) => {
      const directory = attemptDirectory(attempts, meta);
      await mkdir(join(directory, LOG_FOLDER), { recursive: true, mode: 0o700 });
      const made = Promise.all([writeDurably(join(directory, META_FILE), JSON.stringify(meta)), syncFolder(attempts)]);
      // Who appends to it is told.
      made.catch(() => undefined);
      return new DiskFolder(directory, meta, clock, log, made);
    },
  };
}

class DiskFolder implements AttemptFolder {
  readonly directory: string;
  readonly #clock: Clock;
  readonly #log: DiagnosticLog;
  readonly #journal: string;
  readonly #reader: JournalReader;
  #meta: AttemptMeta;
  /** One after the other: the last one is what stays. */
  #updates: Promise<unknown>;
  readonly #made: Promise<unknown>;

  constructor(
    directory: string,
    meta: AttemptMeta,
    clock: Clock,
    log: DiagnosticLog,
    made: Promise<unknown> = Promise.resolve(),
  ) {
    this.directory = directory;
    this.#meta = meta;
    this.#clock = clock;
    this.#log = log;
    this.#journal = join(directory, JOURNAL_FILE);
    this.#reader = new JournalReader(this.#journal);
    this.#made = made;
    this.#updates = made.catch(() => undefined);
  }

  get meta(): AttemptMeta {
    return this.#meta;
  }

  update(meta: AttemptMeta): Promise<void> {
    this.#meta = meta;
    const written = this.#updates.then(() => this.#write(meta));
    this.#updates = written.catch(() => undefined);
    return written;
  }

  async journalEnd(): Promise<JournalEnd> {
    const { lastSeq, lastHash, finished, tail } = await inspectJournal(this.#journal);
    if (tail.kind !== 'clean')
      this.#log.error(`a journal is ${tail.kind}: what follows record ${lastSeq} is not used`, {
        attempt: this.#meta.attempt,
        offset: tail.offset,
        bytes: tail.bytes,
      });
    return { seq: lastSeq, hash: lastHash, finished };
  }

  async append(records: readonly AttemptRecord[]): Promise<JournalEnd> {
    const owner = { identity: identityOf(process.pid) ?? String(process.pid), isAlive };
    const journal = await openJournal(this.#journal, { clock: this.#clock, owner });
    try {
      await Promise.all([this.#made, ...records.map((record) => journal.append(JSON.stringify(record), 'now'))]);
      return { seq: journal.lastSeq, hash: journal.lastHash, finished: journal.finished };
    } finally {
      await journal.close();
    }
  }

  async read(seq: number, last: number, maxBytes: number): ReturnType<AttemptFolder['read']> {
    const part = await this.#reader.read({ fromSeq: seq, toSeq: last, maxRecords: MAX_RECORDS, maxBytes });
    if (part === null) throw new Error(`the journal has no record ${seq - 1} (any more)`);
    return { before: part.before, records: [...part.records] };
  }

  async logs(): Promise<readonly LogLength[]> {
    const names = await readdir(join(this.directory, LOG_FOLDER)).catch(nothingThere);
    const steps = names.flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? []).map(Number);
    return Promise.all(steps.map(async (step) => ({ step, length: (await stat(this.#logPath(step))).size })));
  }

  async readLog(step: number, offset: number, maxBytes: number): Promise<Uint8Array> {
    const file = await open(this.#logPath(step), 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(maxBytes), 0, maxBytes, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async hashLog(step: number, length: number): Promise<string> {
    return (await measureLog(this.#logPath(step), length)).hash;
  }

  async remove(): Promise<void> {
    await this.#updates;
    await removeTree(this.directory);
  }

  #logPath(step: number): string {
    return join(this.directory, logFile(step));
  }

  async #write(meta: AttemptMeta): Promise<void> {
    const path = join(this.directory, META_FILE);
    await writeDurably(`${path}.new`, JSON.stringify(meta));
    await rename(`${path}.new`, path);
    await syncFolder(this.directory);
  }
}

/** Null: none, or not the whole of it. */
async function readMeta(directory: string): Promise<AttemptMeta | null> {
  try {
    return JSON.parse(await readFile(join(directory, META_FILE), 'utf8')) as AttemptMeta;
  } catch {
    // A crash before its first word was on the disk; nothing was started then.
    return null;
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function nothingThere(error: unknown): string[] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}
