import { type Cgroup, easeMoves, makeJobCgroup } from './cgroup.ts';
import { endJobProcesses, type KnownSession } from './end-job-processes.ts';
import { ProcTree } from './proc-tree.ts';
import { startedAt } from './process-table.ts';
import type { ProcessIdentity } from './running-process.ts';
import { ProcessScanner } from './process-scan.ts';
import { belongsToJob } from './tracking.ts';
import type { EndedProcess, EntryProcess, ProcessTree, ProcessTrees } from './process-tree.ts';

/** Linux: by cgroup where there is one, by session, and by the tracking variable in /proc. */
export class ProcTrees implements ProcessTrees {
  readonly #jobId: string;
  readonly #cgroups: boolean;
  readonly #scanner: ProcessScanner;
  readonly #leftBehind: KnownSession[] = [];
  /** Undefined before the first process. */
  #cgroup: Cgroup | null | undefined;
  #easing: Promise<void> | null = null;
  #leaves = 0;

  /** `self` is this very process: what it starts is younger. */
  constructor(jobId: string, cgroups: boolean, self: ProcessIdentity) {
    this.#jobId = jobId;
    this.#scanner = new ProcessScanner(startedAt(self));
    this.#cgroups = cgroups;
    this.ease();
  }

  easing(): Promise<void> | null {
    return this.#easing;
  }

  ease(): void {
    if (!this.#cgroups || this.#cgroup === null) return;
    this.#easing ??= easeMoves().finally(() => (this.#easing = null));
  }

  leaf(): Cgroup | null {
    if (this.#cgroup === undefined) this.#cgroup = this.#cgroups ? makeJobCgroup(this.#jobId) : null;
    return this.#cgroup?.leaf(String(this.#leaves++)) ?? null;
  }

  treeOf(entry: EntryProcess, leaf: Cgroup | null): ProcessTree {
    // Another value (a step may set the variable) could be that of anybody's processes.
    const tracking = belongsToJob(entry.tracking, this.#jobId) ? entry.tracking : null;
    return new ProcTree({ ...entry, tracking }, leaf, this.#scanner, (session) => this.#leftBehind.push(session));
  }

  endLeftovers(): Promise<readonly EndedProcess[]> {
    const cgroups = this.#cgroup ? [this.#cgroup] : [];
    const sessions = this.#leftBehind.splice(0);
    return endJobProcesses({ jobId: this.#jobId, cgroups, sessions, scanner: this.#scanner });
  }

  dispose(): void {
    this.#cgroup?.remove();
  }
}
