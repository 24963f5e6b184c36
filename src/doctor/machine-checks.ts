import { randomUUID } from 'node:crypto';
import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeJobCgroup } from '../process/cgroup.ts';
import type { Check, Finding } from './check.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { note, ok, skipped, wrong } from './findings.ts';

const MB = 1024 * 1024;
const GB = 1024 * MB;
/** Below it a job of some size fills the disk. */
const LITTLE_DISK_BYTES = 5 * GB;
/** One `npm ci` makes as many files. */
const FEW_INODES = 50_000;
const NO_INODES = 1_000;
const FEW_FILES = 4_096;
const TOO_FEW_FILES = 1_024;

/** What the machine grants. */
export function machineChecks(subject: DoctorSubject): Check[] {
  return [
    { id: 'disk', title: 'Free disk space', run: () => lookAtDisk(subject) },
    { id: 'cgroup', title: 'cgroup v2', run: () => lookAtCgroup() },
    { id: 'open-files', title: 'Open files', run: () => lookAtOpenFiles() },
    { id: 'locale', title: 'Time zone and locale', run: () => Promise.resolve(lookAtLocale(subject)) },
  ];
}

async function lookAtDisk(subject: DoctorSubject): Promise<Finding> {
  const places = new Map<number, string>();
  for (const path of [subject.stateDirectory, subject.temporaryDirectory]) {
    const there = await nearest(path);
    const { dev } = await stat(there);
    if (!places.has(dev)) places.set(dev, there);
  }
  const disks = await Promise.all(
    [...places.values()].map(async (path) => {
      const { bavail, bsize, files, ffree } = await statfs(path);
      // Some file systems have no fixed number of them.
      return { path, bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
    }),
  );
  const least = (free: (disk: (typeof disks)[number]) => number): (typeof disks)[number] =>
    disks.reduce((least, disk) => (free(disk) < free(least) ? disk : least));
  const [bytes, inodes] = [least((disk) => disk.bytes), least((disk) => disk.inodes)];
  const found = disks.map((disk) => `${sizeText(disk.bytes)} free in ${disk.path}`).join(', ');
  const minimum = subject.minFreeDiskMb * MB;
  if (bytes.bytes < minimum)
    return wrong(
      `${found}: less than ${sizeText(minimum)} (agent.minFreeDiskMb), so no job is taken.`,
      `Make room on the disk of ${bytes.path}.`,
    );
  if (inodes.inodes < NO_INODES)
    return wrong(`Only ${inodes.inodes} files can still be made in ${inodes.path}.`, 'Remove files there.');
  if (bytes.bytes < LITTLE_DISK_BYTES) return note(`${found}.`, `Make room on the disk of ${bytes.path}.`);
  if (inodes.inodes < FEW_INODES)
    return note(`Only ${inodes.inodes} files can still be made in ${inodes.path}.`, 'Remove files there.');
  return ok(`${found}.`);
}

/** The folder, or the one above it that is there. */
async function nearest(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch {
    // It is made when it is needed.
    return nearest(dirname(path));
  }
}

function sizeText(bytes: number): string {
  return bytes < GB ? `${Math.floor(bytes / MB)} MB` : `${(bytes / GB).toFixed(1)} GB`;
}

async function lookAtCgroup(): Promise<Finding> {
  if (process.platform !== 'linux') return skipped('Only Linux has cgroups.');
  const cgroup = makeJobCgroup(`doctor-${randomUUID()}`);
  if (cgroup !== null) {
    cgroup.remove();
    return ok('Jobs get cgroups of their own: nothing that a step starts escapes its end.');
  }
  const mounts = await readFile('/proc/mounts', 'utf8');
  const why = / cgroup2 /.test(mounts) ? 'it is not delegated to this account' : 'it is not mounted';
  return note(
    `Jobs get no cgroups of their own: ${why}. Steps are ended by process group and tracking variable instead.`,
    'Run the agent as a service of systemd with `Delegate=yes`, as `paceline service install` does.',
  );
}

async function lookAtOpenFiles(): Promise<Finding> {
  if (process.platform !== 'linux') return skipped('Only Linux tells.');
  const limits = await readFile('/proc/self/limits', 'utf8');
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
  const count = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  const remedy = 'Raise it: `LimitNOFILE=` of the service, `ulimit -n` of a shell.';
  if (count < TOO_FEW_FILES) return wrong(`At most ${soft} at once.`, remedy);
  if (count < FEW_FILES) return note(`At most ${soft} at once.`, remedy);
  return ok(`At most ${soft} at once.`);
}

function lookAtLocale({ environment }: DoctorSubject): Finding {
  const { LC_ALL, LC_CTYPE, LANG, TZ } = environment;
  const locale = LC_ALL || LC_CTYPE || LANG || 'C';
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const found = `${zone}, ${locale}`;
  if (TZ && !TZ.startsWith(':') && !isZone(TZ))
    return note(`TZ is '${TZ}', which is no time zone that is known here.`, 'Set it to one such as Europe/Berlin.');
  if (/\./.test(locale) && !/\.utf-?8/i.test(locale))
    return note(`${found}: not UTF-8, so tools may write characters that a log cannot show.`, 'Set LANG=C.UTF-8.');
  return ok(`${found}.`);
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    // POSIX has forms of its own, such as CET-1CEST.
    return /^[A-Za-z]{3,}[+-]?\d/.test(name);
  }
}
