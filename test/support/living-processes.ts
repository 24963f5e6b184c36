import { readdir, readFile } from 'node:fs/promises';

/** In the environment of everything a test starts; what carries it after the test was left behind. */
export const MARKER = 'PACELINE_TEST_MARKER';

/** Bit of SIGKILL in the masks of /proc/PID/status. */
const SIGKILL_BIT = 1n << 8n;

/** Processes that live (zombies and what has been killed do not) and carry `MARKER=value` in the environment they were started with. */
export async function livingWith(value: string): Promise<{ pid: number; name: string }[]> {
  const found: { pid: number; name: string }[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const environment = await readFile(`/proc/${entry}/environ`, 'latin1');
      if (!environment.split('\0').includes(`${MARKER}=${value}`)) continue;
      const status = await readFile(`/proc/${entry}/status`, 'latin1');
      if (/^State:\s+[ZX]/m.test(status)) continue;
      // Killed, and only not yet scheduled to notice it.
      const pending = [...status.matchAll(/^(?:SigPnd|ShdPnd):\s+([0-9a-f]+)/gm)].map(([, mask]) =>
        BigInt(`0x${mask!}`),
      );
      if (pending.some((mask) => (mask & SIGKILL_BIT) !== 0n)) continue;
      const commandLine = await readFile(`/proc/${entry}/cmdline`, 'latin1');
      found.push({ pid: Number(entry), name: commandLine.replaceAll('\0', ' ').trim() });
    } catch {
      // It ended while we looked, which is what we want of it.
    }
  }
  return found;
}
