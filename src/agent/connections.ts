import { stat } from 'node:fs/promises';
import type { Dispatcher, request } from 'undici';
import { type NetworkSettings, openDispatcher } from '../kernel/open-dispatcher.ts';
import type { TlsFiles } from '../kernel/trust.ts';

/** Results, and logs beside them. */
const CONNECTIONS = 6;
const KEEP_ALIVE_MS = 30_000;

export interface Pools {
  /** For everything that is answered at once. */
  readonly main: Dispatcher;
  /** For the poll: it never stands in the way of a renewal. */
  readonly held: Dispatcher;
}

export interface Connections {
  /**
   * To be asked before each request: when the files of certificates have changed, there are new ones, and what was asked
   * on those of before is still answered. Files that cannot be used leave the ones of before in place.
   */
  pools(): Promise<Pools>;
  readonly request: typeof request;
  close(): Promise<void>;
}

/**
 * For an agent; loads undici. How long an answer may take is its caller's to say. Rejects with a `NetworkProblem` for
 * settings that are wrong.
 */
export async function openConnections(server: string, network: NetworkSettings): Promise<Connections> {
  const { request } = await import('undici');
  const opened = new Set<Dispatcher>();
  const open = async (connections: number): Promise<Dispatcher> => {
    const timeouts = { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: 0, bodyTimeout: 0 };
    const dispatcher = await openDispatcher(server, network, { connections, ...timeouts });
    opened.add(dispatcher);
    return dispatcher;
  };
  const openPools = async (): Promise<Pools> => ({ main: await open(CONNECTIONS), held: await open(1) });
  /** When it has answered what it was asked. */
  const letGo = (dispatcher: Dispatcher): void => {
    dispatcher.close(() => opened.delete(dispatcher));
  };

  let files = await stateOf(network.tls);
  let pools = await openPools();
  let renewing: Promise<void> | null = null;
  const renew = async (now: string): Promise<void> => {
    try {
      const next = await openPools();
      letGo(pools.main);
      letGo(pools.held);
      pools = next;
      files = now;
    } catch {
      // Half of them is written, such as the certificate without its key: the next request looks again.
    }
  };
  return {
    request,
    pools: async () => {
      const now = await stateOf(network.tls);
      if (now !== files) await (renewing ??= renew(now).finally(() => (renewing = null)));
      return pools;
    },
    close: async () => {
      for (const dispatcher of opened) await dispatcher.destroy();
    },
  };
}

/** Another text when one of them was written anew. */
async function stateOf({ caFile, clientCertificateFile, clientKeyFile }: TlsFiles): Promise<string> {
  const named = [caFile, clientCertificateFile, clientKeyFile].filter((file) => file !== null);
  const states = named.map(async (file) => {
    try {
      const { ino, size, mtimeMs } = await stat(file);
      return `${ino} ${size} ${mtimeMs}`;
    } catch {
      // It is being replaced.
      return 'none';
    }
  });
  return (await Promise.all(states)).join();
}
