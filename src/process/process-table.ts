import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessIdentity } from './running-process.ts';

/** One line of /proc/PID/stat, as far as it matters here. */
export interface ProcessRow {
  readonly pid: number;
  readonly name: string;
  /** A zombie has ended; only its parent has not noticed yet. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly startTime: string;
}

/** Null when there is no such process (or no /proc). */
export function readProcess(pid: number): ProcessRow | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  } catch {
    // No such process: the answer, not an error.
    return null;
  }
  // The name stands in parentheses and may itself hold spaces and parentheses.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    startTime: fields[19] ?? '',
  };
}

export function hasEnded({ state }: ProcessRow): boolean {
  return state === 'Z' || state === 'X';
}

/** The process with this identity still lives: same pid, same start time, no zombie. */
export function isAlive(identity: ProcessIdentity): boolean {
  const row = readProcess(identity.pid);
  return row !== null && !hasEnded(row) && row.startTime === identity.startTime;
}

/** Every process there is right now, zombies included. */
export function* allProcesses(): Generator<ProcessRow> {
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const row = readProcess(pid);
    if (row) yield row;
  }
}

/** The value of a variable in the environment a process was started with; null when unset or not ours to read. */
export function startedWith(pid: number, variable: string): string | null {
  let environment: string;
  try {
    environment = readFileSync(`/proc/${String(pid)}/environ`, 'latin1');
  } catch {
    // Gone, or of another user: then it is not ours to end.
    return null;
  }
  const prefix = `${variable}=`;
  if (environment.startsWith(prefix)) return environment.slice(prefix.length, environment.indexOf('\0'));
  const at = environment.indexOf(`\0${prefix}`);
  if (at === -1) return null;
  const from = at + 1 + prefix.length;
  const end = environment.indexOf('\0', from);
  return environment.slice(from, end === -1 ? undefined : end);
}
