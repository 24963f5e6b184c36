import type { Cgroup } from './cgroup.ts';
import type { KnownSession } from './end-job-processes.ts';
import type { ProcessScanner, TrackedProcess } from './process-scan.ts';
import {
  handles,
  isSame,
  listPids,
  lives,
  readEnvironment,
  readProcess,
  startedAt,
  variableIn,
} from './process-table.ts';
import type { EntryProcess, ProcessTree, SessionState } from './process-tree.ts';
import { TRACKING_VARIABLE } from './running-process.ts';
import { groupExists, signalGroup, signalProcess } from './send-signal.ts';
import { leftTheJob } from './tracking.ts';

const SIGINT_NUMBER = 2;

/**
 * One process's tree on Linux. Its session is what a terminal would take for it: its own group, and groups that were made
 * inside (`timeout`, `set -m`). What made a session of its own (`setsid`, daemons) has escaped.
 */
export class ProcTree implements ProcessTree {
  readonly #entry: EntryProcess;
  readonly #leaf: Cgroup | null;
  readonly #scanner: ProcessScanner;
  readonly #remember: (session: KnownSession) => void;
  /** The scan that found its session gone: it knows as well what else there is, which saves {@link kill} one. */
  #afterSession: readonly TrackedProcess[] | null = null;

  constructor(entry: EntryProcess, leaf: Cgroup | null, scanner: ProcessScanner, remember: (s: KnownSession) => void) {
    this.#entry = entry;
    this.#leaf = leaf;
    this.#scanner = scanner;
    this.#remember = remember;
  }

  interrupt(): void {
    signalGroup(this.#entry.pid, 'SIGINT');
  }

  /**
   * Of other groups in the session only to the leader: `timeout` passes signals on, and a second SIGINT makes many
   * programs give up their clean-up. Other sessions belong to whoever made them, such as a Paceline that runs inside the
   * step.
   */
  async interruptOthers(): Promise<void> {
    const session = await this.#session();
    for (const group of this.#groups(session, 'others')) {
      const leader = session.find(({ pid }) => pid === group);
      if (leader) signalProcess(leader, 'SIGINT');
      else signalGroup(group, 'SIGINT');
    }
  }

  /** With SIGCONT, since a stopped process takes no signal but SIGKILL. */
  async terminate(): Promise<void> {
    const entryLived = this.#entry.lives();
    if (entryLived) this.#terminateGroup(this.#entry.pid);
    const session = await this.#session();
    for (const group of this.#groups(session, entryLived ? 'others' : 'all')) this.#terminateGroup(group);
  }

  async kill(): Promise<boolean> {
    if (this.#entry.lives()) signalGroup(this.#entry.pid, 'SIGKILL');
    if (this.#leaf && this.#killLeaf(this.#leaf)) return true;
    const scanned = this.#afterSession ?? (await this.#scanner.scan());
    this.#afterSession = null;
    const tree = scanned.filter(this.#isOurs(scanned));
    for (const facts of tree) signalProcess(facts, 'SIGKILL');
    return tree.length > 0;
  }

  async look(): Promise<SessionState> {
    const session = await this.#session();
    if (session.length === 0) return 'gone';
    return session.some(({ pid }) => handles(pid, SIGINT_NUMBER)) ? 'cleaning-up' : 'alive';
  }

  leave(): void {
    if (this.#leaf?.remove()) return;
    const { pid } = this.#entry;
    if (this.#leaf || !groupExists(pid)) return;
    const members = listPids().flatMap((member) => readProcess(member) ?? []);
    this.#remember({ session: pid, members: members.filter((facts) => lives(facts) && facts.session === pid) });
  }

  /** Living members of the session. The cgroup, if there is one, knows them all, unless a process was moved out of it. */
  async #session(): Promise<readonly TrackedProcess[]> {
    const inSession = ({ session, group }: TrackedProcess): boolean =>
      session === this.#entry.pid || group === this.#entry.pid;
    this.#afterSession = null;
    if (this.#leaf) {
      const members = this.#leafMembers(this.#leaf).filter(inSession);
      if (members.length > 0 || !groupExists(this.#entry.pid)) return members;
    }
    const scanned = await this.#scanner.scan();
    const members = this.#wasReplaced(scanned) ? [] : scanned.filter(inSession);
    this.#afterSession = members.length === 0 && !this.#entry.lives() ? scanned : null;
    return members;
  }

  #leafMembers(leaf: Cgroup): TrackedProcess[] {
    return leaf.pids().flatMap((pid) => {
      const facts = readProcess(pid);
      return facts && lives(facts) ? [{ ...facts, tracking: variableIn(readEnvironment(pid), TRACKING_VARIABLE) }] : [];
    });
  }

  /** Whether there was anything to kill. What has left the job for good goes free. */
  #killLeaf(leaf: Cgroup): boolean {
    const members = this.#leafMembers(leaf);
    const free = members.filter(({ session, tracking }) => session !== this.#entry.pid && leftTheJob(tracking));
    for (const { pid } of free) leaf.release(pid);
    if (members.length === free.length) return false;
    leaf.kill();
    return true;
  }

  /** Outside of the cgroup: its session, and what carries its tracking value and is younger than itself. */
  #isOurs(processes: readonly TrackedProcess[]): (facts: TrackedProcess) => boolean {
    const { pid, tracking } = this.#entry;
    const replaced = this.#wasReplaced(processes);
    return (facts) =>
      (!replaced && facts.session === pid) ||
      (tracking !== null && facts.tracking === tracking && startedAt(facts) >= startedAt(this.#entry));
  }

  /** Its pid is another process's by now. The kernel does that only when its group and session are no more. */
  #wasReplaced(processes: readonly TrackedProcess[]): boolean {
    const holder = processes.find(({ pid }) => pid === this.#entry.pid);
    return holder !== undefined && !isSame(holder, this.#entry);
  }

  #groups(session: readonly TrackedProcess[], which: 'all' | 'others'): ReadonlySet<number> {
    const groups = new Set(session.map(({ group }) => group));
    if (which === 'others') groups.delete(this.#entry.pid);
    return groups;
  }

  #terminateGroup(group: number): void {
    signalGroup(group, 'SIGTERM');
    signalGroup(group, 'SIGCONT');
  }
}
