import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/**
 * Tells machines apart; survives a restart. The system's own id is not given away: it is hashed with the name of the
 * product. Where there is none, another each time: then the newest agent is on a machine of its own.
 */
export async function machineId(): Promise<string> {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const text = (await readFile(path, 'utf8')).trim();
      if (text !== '') return createHash('sha256').update(`paceline\n${text}`).digest('hex').slice(0, 32);
    } catch {
      // Not there: the next one may be.
    }
  }
  return randomUUID();
}
