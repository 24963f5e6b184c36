import type { Cgroup } from './cgroup.ts';
import type { ProcessIdentity } from './running-process.ts';

/** How the processes of one job are found again. One implementation reads /proc, the other walks by parent pids. */
export interface ProcessTrees {
  /** Null: a process may be started now. Else it would take longer now than after this. */
  easing(): Promise<void> | null;
  /** A place to start a process in; null where there is no such thing. */
  leaf(): Cgroup | null;
  treeOf(entry: EntryProcess, leaf: Cgroup | null): ProcessTree;
  /** A process has ended: another one may follow. */
  ease(): void;
  /** Kills what still lives of all trees. */
  endLeftovers(): Promise<readonly EndedProcess[]>;
  dispose(): void;
}

/** The process that was started itself: the root of its tree, leader of its group and session. */
export interface EntryProcess extends ProcessIdentity {
  readonly name: string;
  /** The value of its tracking variable, if it was given one. */
  readonly tracking: string | null;
  /** False as soon as its pid may become another's. */
  readonly lives: () => boolean;
}

export interface EndedProcess {
  readonly pid: number;
  readonly name: string;
}

/** What one process has started, itself included. */
export interface ProcessTree {
  /** SIGINT to the group of the entry process, which lives. */
  interrupt(): void;
  /** SIGINT to whom else of its session a Ctrl-C is for. */
  interruptOthers(): Promise<void>;
  /** SIGTERM to all of its session. */
  terminate(): Promise<void>;
  /** SIGKILL to everything that can be found. Returns whether there was anything. */
  kill(): Promise<boolean>;
  /** What lives of its session. */
  look(): Promise<SessionState>;
  /** Call when the process is over: what still lives is kept in mind for {@link ProcessTrees.endLeftovers}. */
  leave(): void;
}

/** `cleaning-up`: at least one of them has a handler for SIGINT. */
export type SessionState = 'gone' | 'alive' | 'cleaning-up';
