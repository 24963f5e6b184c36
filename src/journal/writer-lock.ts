import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Who holds a lock, as text that no other process has (`process/process-identity`). */
export interface LockOwner {
  readonly identity: string;
  isAlive(identity: string): boolean;
}

/**
 * Takes a lock that ends with the process that holds it: a file with the identity of its owner, which appears whole or
 * not at all. Returns what lets go of it, or null when somebody alive has it.
 *
 * @throws what the file system says.
 */
export function takeLock(path: string, owner: LockOwner): (() => void) | null {
  const own = `${path}.${randomUUID()}`;
  const text = `${owner.identity}\n`;
  writeFileSync(own, text, { mode: 0o600 });
  try {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      if (linked(own, path)) return () => release(path, text);
      const holder = contentOf(path);
      if (holder === null) continue;
      if (owner.isAlive(holder.trim())) return null;
      clear(path, holder);
    }
    return null;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Several may find the same dead holder; each turn one of them gets on. */
const MAX_TURNS = 100;

function linked(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the lock of a dead holder away; if it was somebody else's by then, that one gets it back. */
function clear(path: string, holder: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (contentOf(aside) !== holder) linked(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, text: string): void {
  if (contentOf(path) === text) rmSync(path, { force: true });
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
