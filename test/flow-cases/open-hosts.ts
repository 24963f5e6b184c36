import { CaseDatabase } from './case-database.ts';
import { DatabaseHost } from './database-host.ts';
import { MemoryHost } from './memory-host.ts';
import type { OpenHost } from './run-case.ts';

export type StoreKind = 'memory' | 'sqlite' | 'postgres';

/** Where plays of cases keep their runs; a database is one for all of them. */
export async function openHosts(store: StoreKind): Promise<{ readonly open: OpenHost; close(): Promise<void> }> {
  if (store === 'memory')
    return { open: (agents, troubles) => new MemoryHost(agents, troubles), close: () => Promise.resolve() };
  const database = await CaseDatabase.open(store);
  return {
    open: (agents, troubles) => DatabaseHost.open(database, agents, troubles),
    close: () => database.close(),
  };
}
