import { endPostgresServers } from './postgres-server.ts';

/** Ends what tests share and no single one of them can end. */
export default async function globalTeardown(): Promise<void> {
  await endPostgresServers();
}
