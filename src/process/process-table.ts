import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ProcessIdentity } from './running-process.ts';

/** What /proc/PID/stat says of a process, as far as it matters here (proc_pid_stat(5)). */
export interface ProcessFacts extends ProcessIdentity {
  /** Field 22, in clock ticks since boot. */
  readonly startTime: string;
  /** Field 2, at most 15 bytes: what `ps -o comm` shows. */
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Null when there is no such process, or no /proc. */
export function readProcess(pid: number): ProcessFacts | null {
  const stat = read(`/proc/${pid}/stat`);
  return stat === null ? null : parseStat(pid, stat);
}

/** The name stands in parentheses and may itself hold spaces, parentheses and newlines; no field after it can. */
export function parseStat(pid: number, stat: string): ProcessFacts | null {
  const nameEnd = stat.lastIndexOf(')');
  const [state, parent, group, session, ...rest] = stat.slice(nameEnd + 2).split(' ');
  const startTime = rest[15];
  if (nameEnd < 0 || state === undefined || startTime === undefined) return null;
  const name = stat.slice(stat.indexOf('(') + 1, nameEnd);
  return { pid, startTime, name, state, parent: Number(parent), group: Number(group), session: Number(session) };
}

/**
 * What a person would call it: the command that it was started by, without folders. The kernel's own name is no help
 * where a program renames its threads (Node.js 24 is `MainThread`); it is the fallback, for kernel threads and zombies.
 */
export function nameForPeople({ pid, name }: ProcessFacts): string {
  const command = read(`/proc/${pid}/cmdline`)?.split('\0', 1)[0];
  return command === undefined || command === '' ? name : basename(command);
}

/** A zombie has ended: only its parent has not noticed yet, and one adopted by a slow pid 1 may stay for long. */
export function lives(facts: ProcessFacts): boolean {
  return facts.state !== 'Z' && facts.state !== 'X';
}

export function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime;
}

/** A start time as something that can be ordered. */
export function startedAt(identity: ProcessIdentity): number {
  return Number(identity.startTime);
}

/**
 * The environment that the process got at its last `exec`, as `NAME=value` with a NUL after each. Null when it is not ours
 * to read (then the process is not ours to end either), or the process is gone.
 */
export function readEnvironment(pid: number): string | null {
  return read(`/proc/${pid}/environ`);
}

/** Null when it is not set there. */
export function variableIn(environment: string | null, name: string): string | null {
  const text = `\0${environment ?? ''}`;
  const at = text.indexOf(`\0${name}=`);
  if (at === -1) return null;
  const start = at + name.length + 2;
  const end = text.indexOf('\0', start);
  return text.slice(start, end === -1 ? undefined : end);
}

/** Whether the process has a handler of its own for a signal (by number): it may be cleaning up. */
export function handles(pid: number, signal: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return caught !== undefined && (BigInt(`0x${caught}`) & (1n << BigInt(signal - 1))) !== 0n;
}

export function listPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Gone, or never there: for whoever looks at processes that is an answer, not an error.
    return null;
  }
}
