import {
  listPids,
  lives,
  readEnvironment,
  readProcess,
  startedAt,
  variableIn,
  type ProcessFacts,
} from './process-table.ts';
import { TRACKING_VARIABLE } from './running-process.ts';

export interface TrackedProcess extends ProcessFacts {
  readonly tracking: string | null;
}

/** Longest stretch for which a scan keeps the event loop from other work. 500 processes take some 20 ms in all. */
const SLICE_MS = 4;
/** The first passes over all processes, the others only over those that are new: cheap, and one is nearly always enough. */
const MAX_PASSES = 20;

/**
 * Looks at every process of the machine. Whoever asks while a scan is under way gets the next one, which begins after
 * they asked; so 200 steps that end at once cost two scans, not 200.
 */
export class ProcessScanner {
  readonly #since: number;
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<readonly TrackedProcess[]> | null = null;

  /** Nobody who started before `since` (clock ticks since boot) is looked for: that spares half of the work. */
  constructor(since: number) {
    this.#since = since;
  }

  /** Living processes, but for the kernel's, ourselves, and those that started us. */
  scan(): Promise<readonly TrackedProcess[]> {
    this.#next ??= this.#begin(this.#current);
    return this.#next;
  }

  async #begin(before: Promise<unknown>): Promise<readonly TrackedProcess[]> {
    await before;
    const scan = scanProcesses(this.#since);
    this.#current = scan;
    this.#next = null;
    return scan;
  }
}

/**
 * One pass may miss a process that was started during it by one that ended before its turn. So what is new after a pass
 * is looked at as well, until there is nothing new: whoever is missing then was started by somebody who is listed.
 */
async function scanProcesses(since: number): Promise<readonly TrackedProcess[]> {
  const found = new Map<number, TrackedProcess>();
  const seen = new Set(ownLine());
  const unsure = new Set<number>();
  let sliceEnd = performance.now() + SLICE_MS;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const fresh = [...unsure, ...listPids().filter((pid) => !seen.has(pid))];
    if (fresh.length === 0) break;
    unsure.clear();
    for (const pid of fresh) {
      if (performance.now() > sliceEnd) {
        await new Promise(setImmediate);
        sliceEnd = performance.now() + SLICE_MS;
      }
      const facts = readProcess(pid);
      // Threads of the kernel are in no group.
      const counts = facts !== null && facts.group > 0 && lives(facts) && startedAt(facts) >= since;
      const environment = counts ? readEnvironment(pid) : null;
      // In the middle of its exec a process has none: once more.
      if (environment === '' && !seen.has(pid)) unsure.add(pid);
      seen.add(pid);
      if (counts) found.set(pid, { ...facts, tracking: variableIn(environment, TRACKING_VARIABLE) });
      else found.delete(pid);
    }
  }
  return [...found.values()];
}

/** Ourselves, what started us, what started that, up to pid 1: never a target, whatever they carry. */
export function ownLine(): ReadonlySet<number> {
  const line = new Set([1]);
  for (let pid = process.pid; pid > 1 && !line.has(pid); pid = readProcess(pid)?.parent ?? 1) line.add(pid);
  return line;
}
