import treeKill from 'tree-kill';
import type { EndedProcess, EntryProcess, ProcessTree, ProcessTrees, SessionState } from './process-tree.ts';
import { groupExists, signalGroup } from './send-signal.ts';

/** How a tree is killed by walking from parents to children. */
export type TreeWalk = (pid: number, signal: NodeJS.Signals) => Promise<void>;

/** tree-kill asks `pgrep` or `ps` for the children of each process, `taskkill` on Windows. */
export const walkWithTreeKill: TreeWalk = (pid, signal) =>
  new Promise((resolve) => {
    // An error means that the process has ended, or is not ours to end: there is nothing else to try.
    treeKill(pid, signal, () => resolve());
  });

/**
 * Without /proc: macOS and Windows. Signals go to the group (macOS); the last rung walks the tree. A daemon whose parent
 * has ended is in no tree and, if it also left the group, is not found. A pid cannot be told from a later one of the same
 * number here, so nothing is signalled once its entry process has ended, but a group that was there right then.
 */
export class WalkedTrees implements ProcessTrees {
  readonly #groups: boolean;
  readonly #walk: TreeWalk;
  readonly #leftBehind: EndedProcess[] = [];

  constructor(platform: NodeJS.Platform, walk: TreeWalk) {
    this.#groups = platform !== 'win32';
    this.#walk = walk;
  }

  easing(): null {
    return null;
  }

  ease(): void {
    // Nothing is slow here.
  }

  leaf(): null {
    return null;
  }

  treeOf(entry: EntryProcess): ProcessTree {
    const remember = (): number => this.#leftBehind.push({ pid: entry.pid, name: entry.name });
    return this.#groups ? new GroupTree(entry, this.#walk, remember) : new WindowsTree(entry, this.#walk);
  }

  endLeftovers(): Promise<readonly EndedProcess[]> {
    const living = this.#leftBehind.splice(0).filter(({ pid }) => groupExists(pid));
    for (const { pid } of living) signalGroup(pid, 'SIGKILL');
    return Promise.resolve(living);
  }

  dispose(): void {
    this.#leftBehind.length = 0;
  }
}

class GroupTree implements ProcessTree {
  readonly #entry: EntryProcess;
  readonly #walk: TreeWalk;
  readonly #remember: () => void;

  constructor(entry: EntryProcess, walk: TreeWalk, remember: () => void) {
    this.#entry = entry;
    this.#walk = walk;
    this.#remember = remember;
  }

  interrupt(): void {
    signalGroup(this.#entry.pid, 'SIGINT');
  }

  interruptOthers(): Promise<void> {
    // Nobody knows of them here.
    return Promise.resolve();
  }

  terminate(): Promise<void> {
    signalGroup(this.#entry.pid, 'SIGTERM');
    signalGroup(this.#entry.pid, 'SIGCONT');
    return Promise.resolve();
  }

  async kill(): Promise<boolean> {
    // The tree first: when its root has ended nobody can tell whose children they were.
    if (this.#entry.lives()) await this.#walk(this.#entry.pid, 'SIGKILL');
    const found = groupExists(this.#entry.pid);
    if (found) signalGroup(this.#entry.pid, 'SIGKILL');
    return found;
  }

  look(): Promise<SessionState> {
    return Promise.resolve(groupExists(this.#entry.pid) ? 'alive' : 'gone');
  }

  leave(): void {
    if (groupExists(this.#entry.pid)) this.#remember();
  }
}

/** Windows has no signals: every rung is the last one, while there is a root to walk from. */
class WindowsTree implements ProcessTree {
  readonly #entry: EntryProcess;
  readonly #walk: TreeWalk;

  constructor(entry: EntryProcess, walk: TreeWalk) {
    this.#entry = entry;
    this.#walk = walk;
  }

  interrupt(): void {
    // Its rung is interruptOthers: a walk takes time.
  }

  interruptOthers(): Promise<void> {
    return this.#end();
  }

  terminate(): Promise<void> {
    return this.#end();
  }

  async kill(): Promise<boolean> {
    const found = this.#entry.lives();
    await this.#end();
    return found;
  }

  look(): Promise<SessionState> {
    return Promise.resolve(this.#entry.lives() ? 'alive' : 'gone');
  }

  leave(): void {
    // What it left behind has no root to be found from.
  }

  async #end(): Promise<void> {
    if (this.#entry.lives()) await this.#walk(this.#entry.pid, 'SIGKILL');
  }
}
