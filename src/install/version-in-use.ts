import { readdir, readFile, realpath } from 'node:fs/promises';

/** By a worker whose job has outlived an upgrade: it may yet load a part of its version. False for one that is not there. */
export async function isVersionInUse(version: string): Promise<boolean> {
  const place = await realpath(version).catch(() => null);
  if (place === null) return false;
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.some((line) => line.includes(`${place}/`));
}
