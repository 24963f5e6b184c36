import { readdir, readFile } from 'node:fs/promises';

/** In the environment of everything a test starts; what carries it after the test was left behind. */
export const MARKER = 'PACELINE_TEST_MARKER';

/** Processes that live (zombies do not) and carry `MARKER=value` in the environment they were started with. */
export async function livingWith(value: string): Promise<{ pid: number; name: string }[]> {
  const found: { pid: number; name: string }[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const environment = await readFile(`/proc/${entry}/environ`, 'latin1');
      if (!environment.split('\0').includes(`${MARKER}=${value}`)) continue;
      const status = await readFile(`/proc/${entry}/stat`, 'latin1');
      if (status.slice(status.lastIndexOf(')') + 2).startsWith('Z')) continue;
      const commandLine = await readFile(`/proc/${entry}/cmdline`, 'latin1');
      found.push({ pid: Number(entry), name: commandLine.replaceAll('\0', ' ').trim() });
    } catch {
      // It ended while we looked, which is what we want of it.
    }
  }
  return found;
}
