import { rebuildExtents, type RecoverPorts } from './recover-logs.ts';

/**
 * After the database was restored, finds on disk what it does not know of; until that is done no segment is removed.
 * Never throws: what could not be done is done when the server starts again.
 */
export async function rebuildAfterRestore(ports: RecoverPorts, signal: AbortSignal): Promise<void> {
  const { store, disk, log } = ports;
  try {
    const needed = await store.execute('needs-log-rebuild', {});
    if (!needed.ok || !needed.value) return;
    if ((await disk.list()).length > 0) await rebuildExtents(ports, signal);
    await store.execute('mark-logs-rebuilt', {});
  } catch (error) {
    if (!signal.aborted) log.error('segments of logs could not be looked through', { error: (error as Error).message });
  }
}
