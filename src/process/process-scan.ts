import { lastPid, listPids, lives, readProcess, readVariable, type ProcessFacts } from './process-table.ts';
import { TRACKING_VARIABLE } from './running-process.ts';

export interface TrackedProcess extends ProcessFacts {
  readonly tracking: string | null;
}

export interface Scan {
  /** Living processes that are not the kernel's, ourselves and those that started us excepted. */
  readonly processes: readonly TrackedProcess[];
  /** Nothing was started during the scan, so nothing can have slipped through it. */
  readonly complete: boolean;
}

/** Longest stretch for which a scan keeps the event loop from other work. 500 processes take some 20 ms in all. */
const SLICE_MS = 4;

/**
 * Looks at every process of the machine. Whoever asks while a scan is under way gets the next one, which begins after
 * they asked; so 200 steps that end at once cost two scans, not 200.
 */
export class ProcessScanner {
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<Scan> | null = null;

  scan(): Promise<Scan> {
    this.#next ??= this.#begin(this.#current);
    return this.#next;
  }

  async #begin(before: Promise<unknown>): Promise<Scan> {
    await before;
    const scan = scanProcesses();
    this.#current = scan;
    this.#next = null;
    return scan;
  }
}

async function scanProcesses(): Promise<Scan> {
  const lastBefore = lastPid();
  const spared = ownLine();
  const processes: TrackedProcess[] = [];
  let sliceEnd = performance.now() + SLICE_MS;
  for (const pid of listPids()) {
    if (performance.now() > sliceEnd) {
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SLICE_MS;
    }
    const facts = spared.has(pid) ? null : readProcess(pid);
    // Threads of the kernel are in no group.
    if (facts === null || facts.group === 0 || !lives(facts)) continue;
    processes.push({ ...facts, tracking: readVariable(pid, TRACKING_VARIABLE) });
  }
  return { processes, complete: lastBefore !== null && lastBefore === lastPid() };
}

/** Ourselves, what started us, what started that, up to pid 1: never a target, whatever they carry. */
export function ownLine(): ReadonlySet<number> {
  const line = new Set([1]);
  for (let pid = process.pid; pid > 1 && !line.has(pid); pid = readProcess(pid)?.parent ?? 1) line.add(pid);
  return line;
}
