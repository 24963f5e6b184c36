import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ATTEMPTS_FOLDER } from '../agent/agent-status.ts';
import { lockHolder } from '../agent/state-lock.ts';
import { ProcessScanner, type TrackedProcess } from '../process/process-scan.ts';
import { nameForPeople, readProcess } from '../process/process-table.ts';
import type { Check, Finding } from './check.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { note, ok } from './findings.ts';

/** Of those that are named; the others are counted. */
const NAMED = 5;
const SINCE_BOOT = 0;

/** What earlier jobs left on the machine: processes, results that were not sent, sockets. */
export function leftoversCheck(subject: DoctorSubject): Check {
  return { id: 'leftovers', title: 'Leftovers of earlier jobs', run: () => look(subject) };
}

async function look({ stateDirectory, runtimeDirectory }: DoctorSubject): Promise<Finding> {
  const isRunning = lockHolder(stateDirectory) !== null;
  const attempts = await namesIn(join(stateDirectory, ATTEMPTS_FOLDER));
  const jobs = await Promise.all(attempts.map((name) => jobOf(join(stateDirectory, ATTEMPTS_FOLDER, name))));
  const orphans = await findOrphans(jobs.filter((job) => job !== null));
  const sockets = (await namesIn(runtimeDirectory)).filter((name) => isDead(/^(\d+)\.sock$/.exec(name)?.[1]));
  const found: string[] = [];
  const remedies: string[] = [];
  if (orphans.length > 0) {
    const named = orphans.slice(0, NAMED).map((one) => `${nameForPeople(one)} (${one.pid})`);
    const more = orphans.length > NAMED ? ` and ${orphans.length - NAMED} more` : '';
    found.push(`processes of jobs that have ended still run: ${named.join(', ')}${more}`);
    remedies.push(`end them: kill ${orphans.map(({ pid }) => pid).join(' ')}`);
  }
  if (!isRunning && attempts.length > 0) {
    found.push(`${attempts.length} jobs are on the disk and no agent runs that would report them`);
    remedies.push('start the agent: it takes up jobs that still run and reports the others');
  }
  if (sockets.length > 0) {
    found.push(`${sockets.length} sockets of processes that are gone lie in ${runtimeDirectory}`);
    remedies.push(`remove them: ${join(runtimeDirectory, sockets.length === 1 ? (sockets[0] ?? '') : '*.sock')}`);
  }
  if (found.length === 0) return ok('There are none.');
  return note(sentence(found.join('; ')), sentence(remedies.join('; ')));
}

/**
 * Those that carry the mark of a job and that no Paceline stands above: a job that is under way has a worker, or a
 * `paceline run`. What an agent on this machine will take up is left out.
 */
async function findOrphans(held: readonly string[]): Promise<readonly TrackedProcess[]> {
  if (readProcess(process.pid) === null) return [];
  const tracked = (await new ProcessScanner(SINCE_BOOT).scan()).filter(({ tracking }) => jobIn(tracking) !== null);
  const marked = new Set(tracked.map(({ pid }) => pid));
  const isHung = ({ parent }: TrackedProcess): boolean => !marked.has(parent) && isPaceline(parent);
  const alive = new Set([...held, ...tracked.filter(isHung).map(({ tracking }) => jobIn(tracking))]);
  return tracked.filter(({ tracking }) => !alive.has(jobIn(tracking)));
}

/** `paceline_JOB.N` */
function jobIn(tracking: string | null): string | null {
  return /^paceline_(.+)\.[^.]*$/.exec(tracking ?? '')?.[1] ?? null;
}

function isPaceline(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('paceline');
  } catch {
    // It has ended.
    return false;
  }
}

async function jobOf(attempt: string): Promise<string | null> {
  try {
    return (JSON.parse(await readFile(join(attempt, 'attempt.json'), 'utf8')) as { jobId?: string }).jobId ?? null;
  } catch {
    // It is being made, or removed.
    return null;
  }
}

function isDead(pid: string | undefined): boolean {
  return pid !== undefined && readProcess(Number(pid)) === null;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    // No job was ever run there.
    return [];
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
