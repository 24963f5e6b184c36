import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';

/** Files in PEM: `server.tls` of the configuration. */
export interface TlsFiles {
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  /** Null: clients are not asked for a certificate. */
  readonly clientCaFile: string | null;
}

/** How often the files are looked at: whoever renews them need not tell. */
const LOOK_MS = 60_000;
/** For the handshake. */
const HANDSHAKE_MS = 20_000;

/** What is wrong with the files; the message is for whoever starts the server. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
}

interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
}

export interface ServerTls {
  readonly options: TlsOptions;
  /** New contents of the files count for new connections; those that cannot be used leave the ones before. */
  watch(server: SecureServer): () => void;
}

/** Null: the server answers in clear. Rejects with a {@link TlsError}. */
export async function openServerTls(files: TlsFiles, clock: Clock, log: DiagnosticLog): Promise<ServerTls | null> {
  const { certificateFile, keyFile, clientCaFile } = files;
  if (certificateFile === null && keyFile === null && clientCaFile === null) return null;
  if (certificateFile === null || keyFile === null)
    throw new TlsError('server.tls needs both certificateFile and keyFile');
  const read = (): Promise<Contents> => readContents(certificateFile, keyFile, clientCaFile);
  let current = await read();
  const look = async (server: SecureServer): Promise<void> => {
    try {
      const next = await read();
      if (next.sum === current.sum) return;
      server.setSecureContext(next.context);
      current = next;
      log.info('new certificates are in use', { certificateFile });
    } catch (error) {
      log.error(`the certificates stay as they were: ${(error as Error).message}`);
    }
  };
  return {
    // A client without a certificate of theirs does not come as far as a request.
    options: {
      ...current.context,
      handshakeTimeout: HANDSHAKE_MS,
      ...(clientCaFile === null ? {} : { requestCert: true, rejectUnauthorized: true }),
    },
    watch: (server) => {
      let cancel: () => void = () => undefined;
      const arm = (): void => {
        cancel = clock.after(LOOK_MS, () => void look(server).then(() => isOver || arm()));
      };
      let isOver = false;
      arm();
      return () => {
        isOver = true;
        cancel();
      };
    },
  };
}

interface Contents {
  readonly context: { readonly cert: string; readonly key: string; readonly ca?: string };
  readonly sum: string;
}

async function readContents(certificateFile: string, keyFile: string, clientCaFile: string | null): Promise<Contents> {
  const [cert, key, ca] = await Promise.all([
    read(certificateFile, 'server.tls.certificateFile'),
    read(keyFile, 'server.tls.keyFile'),
    clientCaFile === null ? null : read(clientCaFile, 'server.tls.clientCaFile'),
  ]);
  const context = { cert, key, ...(ca === null ? {} : { ca }) };
  try {
    createSecureContext(context);
  } catch (error) {
    throw new TlsError(`${certificateFile} and ${keyFile} cannot be used: ${(error as Error).message}`);
  }
  // What is empty, as a file that is being written, would be taken for no demand at all.
  for (const [path, text, kind] of [
    [certificateFile, cert, 'CERTIFICATE'],
    [keyFile, key, 'PRIVATE KEY'],
    [clientCaFile, ca, 'CERTIFICATE'],
  ] as const)
    if (path !== null && text !== null && !new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text))
      throw new TlsError(`${path} cannot be used: there is no ${kind.toLowerCase()} in it`);
  return { context, sum: createHash('sha256').update(JSON.stringify(context)).digest('hex') };
}

async function read(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new TlsError(`${setting} cannot be read: ${(error as Error).message}`);
  }
}
