import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/**
 * Tells machines apart; survives a restart. The system's own id is not given away: it is hashed with the name of the
 * product. Where there is none, as in a container, the name of the host has to do.
 */
export async function machineId(): Promise<string> {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const text = (await readFile(path, 'utf8')).trim();
      if (text !== '') return idOf(text);
    } catch {
      // Not there: the next one may be.
    }
  }
  return idOf(`host ${hostname()}`);
}

function idOf(text: string): string {
  return createHash('sha256').update(`paceline\n${text}`).digest('hex').slice(0, 32);
}
