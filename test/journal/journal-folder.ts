import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { type JournalOptions, type JournalWriter, openJournal } from '../../src/journal/open-journal.ts';
import { identityOf, isAlive } from '../../src/process/process-identity.ts';

export const OWNER = { identity: identityOf(process.pid) ?? '', isAlive };

/** Folders of one test file. */
export class Folders {
  readonly #paths: string[] = [];

  async make(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'paceline-journal-'));
    this.#paths.push(path);
    return path;
  }

  async removeAll(): Promise<void> {
    for (const path of this.#paths.splice(0)) await rm(path, { recursive: true, force: true });
  }
}

export function open(path: string, options: Partial<JournalOptions> = {}): Promise<JournalWriter> {
  return openJournal(path, { clock: systemClock, owner: OWNER, ...options });
}

/** A journal with these records, closed. */
export async function write(path: string, texts: readonly string[]): Promise<void> {
  const journal = await open(path);
  await Promise.all(texts.map((text) => journal.append(text, 'now')));
  await journal.close();
}

export const ALL = { fromSeq: 1, maxRecords: Infinity, maxBytes: Infinity };

/** Lets a test wait for a number to be reached. */
export class Level {
  value = 0;
  readonly #waiting = new Set<() => void>();

  readonly raise = (value: number): void => {
    this.value = value;
    for (const look of [...this.#waiting]) look();
  };

  reached(value: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.value < value) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}
