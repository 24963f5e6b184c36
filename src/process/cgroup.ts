import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signalProcess } from './send-signal.ts';
import { readProcess } from './process-table.ts';

/**
 * A cgroup (v2) of ours, which we may make, fill and remove. What is started inside stays inside, whatever it forks and
 * however it detaches itself, so it is the exact answer to "what belongs to this". A job has one, with a leaf for each
 * process.
 */
export class Cgroup {
  readonly directory: string;
  readonly #home: string;

  /** `home` is the cgroup that we ourselves live in. */
  constructor(directory: string, home: string) {
    this.directory = directory;
    this.#home = home;
  }

  /** Null when the system grants no more of them. */
  leaf(name: string): Cgroup | null {
    const directory = join(this.directory, name);
    return attempt(() => mkdirSync(directory)) ? new Cgroup(directory, this.#home) : null;
  }

  /**
   * Runs `start` with ourselves inside: a child that it starts is born inside, before it could fork, and as `start` is
   * synchronous nothing else of ours is. `entered` is false when the system refused. (There and back costs 0.2 ms; a shell
   * that enters and then turns into the command costs 1 ms; `CLONE_INTO_CGROUP` is out of reach from here.)
   */
  enter<T>(start: () => T): { readonly entered: boolean; readonly value: T } {
    const entered = attempt(() => writeFileSync(join(this.directory, 'cgroup.procs'), '0'));
    try {
      return { entered, value: start() };
    } finally {
      if (entered) attempt(() => writeFileSync(join(this.#home, 'cgroup.procs'), '0'));
    }
  }

  /** Living processes inside, also in cgroups that a process inside has made below. */
  pids(): number[] {
    return [this.directory, ...below(this.directory)].flatMap((directory) =>
      (readText(join(directory, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number),
    );
  }

  /** Moves a process that is to live on out of it. */
  release(pid: number): void {
    attempt(() => writeFileSync(join(this.#home, 'cgroup.procs'), String(pid)));
  }

  /** SIGKILL to all inside at once, forks in progress included. Before Linux 5.14 one by one: call until it is empty. */
  kill(): void {
    const pids = this.pids();
    // Only if moving back had failed: better to leave them to the search by tracking variable than to end the job.
    if (pids.includes(process.pid)) return;
    if (attempt(() => writeFileSync(join(this.directory, 'cgroup.kill'), '1', { flag: 'r+' }))) return;
    for (const pid of pids) {
      const facts = readProcess(pid);
      if (facts) signalProcess(facts, 'SIGKILL');
    }
  }

  /** Removes it with all below. False while a process lives inside. */
  remove(): boolean {
    if (attempt(() => rmdirSync(this.directory))) return true;
    for (const directory of below(this.directory).reverse()) attempt(() => rmdirSync(directory));
    return attempt(() => rmdirSync(this.directory)) || readText(join(this.directory, 'cgroup.events')) === null;
  }
}

/** Where cgroup v2 is mounted: alone, or beside the controllers of v1. */
const MOUNTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];

/**
 * Makes a cgroup for a job below the one that we live in. Null where the host does not let us: no cgroup v2, not mounted
 * for writing (containers), or not delegated to this user (systemd: `Delegate=yes`).
 */
export function makeJobCgroup(jobId: string): Cgroup | null {
  for (const home of ownCgroups()) {
    let directory: string;
    try {
      directory = mkdtempSync(join(home, jobPrefix(jobId)));
    } catch {
      continue;
    }
    const job = new Cgroup(directory, home);
    // To make folders is one right, to move processes another.
    const probe = job.leaf('probe');
    if (probe?.enter(() => undefined).entered && probe.remove()) return job;
    job.remove();
  }
  return null;
}

/**
 * Makes moves between cgroups fast for a moment. The first one after a while waits until the kernel is sure that nobody
 * is forking, some 5 to 15 ms; those that follow within as long cost a hundredth of it. This one is a move to where we
 * are, beside everything else; nothing may be in {@link Cgroup.enter} before it is over. Never rejects.
 */
export async function easeMoves(): Promise<void> {
  await Promise.all(ownCgroups().map((home) => writeFile(join(home, 'cgroup.procs'), '0').catch(() => undefined)));
}

/** Cgroups that an earlier process made for this job and did not come to remove. */
export function findJobCgroups(jobId: string): Cgroup[] {
  return ownCgroups().flatMap((home) =>
    subdirectories(home)
      .filter((name) => name.startsWith(jobPrefix(jobId)))
      .map((name) => new Cgroup(join(home, name), home)),
  );
}

function jobPrefix(jobId: string): string {
  return `paceline-${jobId.replaceAll('/', '_')}.`;
}

/** Our own cgroup, as a folder: at most one for each mount. */
export function ownCgroups(): string[] {
  const own = /^0::(\/.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1];
  // With `/..` our cgroup lies outside of what this container was given to see.
  if (own === undefined || own.startsWith('/..')) return [];
  return MOUNTS.filter((mount) => readText(join(mount, own, 'cgroup.controllers')) !== null).map((mount) =>
    join(mount, own),
  );
}

/** Folders under this one at any depth, parents first. */
function below(directory: string): string[] {
  return subdirectories(directory).flatMap((name) => {
    const path = join(directory, name);
    return [path, ...below(path)];
  });
}

function subdirectories(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    // Removed: nothing is below.
    return [];
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // The cgroup was removed, or there never was one.
    return null;
  }
}

function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    // Each caller has another way, or asks again: what a host allows here cannot be known but by trying.
    return false;
  }
}
