import { randomUUID } from 'node:crypto';
import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';

/** Who holds a lock, as text that no other process has (`process/process-identity`). */
export interface LockOwner {
  readonly identity: string;
  isAlive(identity: string): boolean;
}

/**
 * Takes a lock that ends with the process that holds it: a symbolic link to the identity of its owner, since that is made
 * whole or not at all, and on a full disk too. Returns what lets go of it, or null when somebody alive has it.
 *
 * @throws what the file system says.
 */
export function takeLock(path: string, owner: LockOwner): (() => void) | null {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    if (isLinked(owner.identity, path)) return () => release(path, owner.identity);
    const holder = holderOf(path);
    if (holder === null) continue;
    if (owner.isAlive(holder)) return null;
    clear(path, holder);
  }
  return null;
}

/** Several may find the same dead holder; each turn one of them gets on. */
const MAX_TURNS = 100;

function isLinked(identity: string, path: string): boolean {
  try {
    symlinkSync(identity, path);
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
  const moved = holderOf(aside);
  if (moved !== null && moved !== holder) isLinked(moved, path);
  rmSync(aside, { force: true });
}

function release(path: string, identity: string): void {
  if (holderOf(path) === identity) rmSync(path, { force: true });
}

/** Who has the lock, alive or not; null: nobody. */
export function holderOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
