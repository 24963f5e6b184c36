import { stat } from 'node:fs/promises';
import type { Dispatcher, request } from 'undici';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import { type NetworkSettings, openDispatcher } from '../kernel/open-dispatcher.ts';
import type { TlsFiles } from '../kernel/trust.ts';

/** Results, and logs beside them. */
const CONNECTIONS = 6;
const KEEP_ALIVE_MS = 30_000;
/** Files that cannot be used, and have not changed since, are looked into again after this. */
const LOAD_AGAIN_MS = 60_000;

export interface Pools {
  /** For everything that is answered at once. */
  readonly main: Dispatcher;
  /** For the poll: it never stands in the way of a renewal. */
  readonly held: Dispatcher;
}

export interface Connections {
  /**
   * To be asked before each request: when the files of certificates have changed, there are new ones, and what was asked
   * on those of before is still answered. Files that cannot be used leave the ones of before in place, and one
   * warning for each state of them says so.
   */
  pools(): Promise<Pools>;
  readonly request: typeof request;
  close(): Promise<void>;
}

/** For who lives long enough to see certificates renewed. */
export interface RenewalPorts {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Pick<DiagnosticLog, 'warn'>;
}

const UNHEARD: RenewalPorts = { clock: systemClock, log: { warn: () => undefined } };

/**
 * For an agent; loads undici. How long an answer may take is its caller's to say. Rejects with a `NetworkProblem` for
 * settings that are wrong.
 */
export async function openConnections(
  server: string,
  network: NetworkSettings,
  { clock, log }: RenewalPorts = UNHEARD,
): Promise<Connections> {
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
  let refused: { readonly files: string; readonly at: number } | null = null;
  const renew = async (now: string): Promise<void> => {
    const known = refused?.files === now ? refused : null;
    if (known !== null && clock.monotonic() - known.at < LOAD_AGAIN_MS) return;
    try {
      const next = await openPools();
      letGo(pools.main);
      letGo(pools.held);
      pools = next;
      files = now;
    } catch (error) {
      // Perhaps half of them is written, such as the certificate without its key: what is written next is loaded at once.
      refused = { files: now, at: clock.monotonic() };
      if (known === null)
        log.warn(`certificates have changed and cannot be used, those of before stay: ${(error as Error).message}`);
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
