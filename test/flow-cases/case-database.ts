import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { Clock } from '../../src/kernel/clock.ts';
import { openTestStore, type TestStore } from '../support/server-database.ts';

/** A database that many plays share, one after another, each with runs of a repository of its own. */
export class CaseDatabase {
  readonly #kind: 'sqlite' | 'postgres';
  readonly #url: string;
  readonly #remove: () => Promise<void>;
  #store: TestStore | null = null;
  #now: () => number = () => 0;
  #nodes = 0;
  #plays = 0;

  /** An empty database: a file of its own, or one of the PostgreSQL server of the tests. */
  static async open(kind: 'sqlite' | 'postgres'): Promise<CaseDatabase> {
    if (kind === 'sqlite') {
      const folder = await mkdtemp(join(tmpdir(), 'paceline-flow-cases-'));
      return new CaseDatabase(kind, join(folder, 'cases.db'), () => rm(folder, { recursive: true, force: true }));
    }
    const first = await openTestStore({ database: 'postgres' });
    return new CaseDatabase(kind, first.url, () => first.close());
  }

  private constructor(kind: 'sqlite' | 'postgres', url: string, remove: () => Promise<void>) {
    this.#kind = kind;
    this.#url = url;
    this.#remove = remove;
  }

  /** The next play begins. @returns its repository. */
  beginPlay(now: () => number): string {
    this.#now = now;
    return `cases/play-${this.#plays++}`;
  }

  async store(): Promise<TestStore> {
    return (this.#store ??= await this.#open());
  }

  /** Forgets all that is not written. */
  async crash(): Promise<void> {
    await this.#store?.close();
    this.#store = null;
  }

  /** Removes the database. */
  async close(): Promise<void> {
    await this.crash();
    await this.#remove();
  }

  async #open(): Promise<TestStore> {
    const now = (): number => this.#now();
    const clock: Clock = { now, monotonic: now, after: () => () => undefined };
    // No two of them make the same ids.
    const node = `n${String(this.#nodes++).padStart(5, '0')}`;
    const store = await openTestStore({ database: this.#kind, url: this.#url, clock, node });
    // What dies here is the process, never the machine.
    if (this.#kind === 'sqlite') await sql`pragma synchronous = off`.execute(store.db);
    return store;
  }
}
