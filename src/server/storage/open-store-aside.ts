import { systemClock } from '../../kernel/clock.ts';
import { type InProcessStore, openStoreInProcess } from './open-store-in-process.ts';
import { randomId } from './random-id.ts';

/**
 * The database of a server for a command beside it: an SQLite one while no server uses it.
 *
 * @param node names the command.
 * @throws DatabaseOpenError, NewerSchemaError
 */
export function openStoreAside(database: string, node: string): Promise<InProcessStore> {
  return openStoreInProcess({
    database,
    clock: systemClock,
    node,
    // Nothing that a command asks for goes by them.
    settings: {
      leaseMs: 0,
      offerMs: 0,
      lostAfterMs: 0,
      maxAttempts: 0,
      maxJobs: 0,
      isolateUntrusted: true,
      sessionTokenMs: 0,
      publicUrl: '',
      baseUrl: '',
    },
    randomId,
  });
}
