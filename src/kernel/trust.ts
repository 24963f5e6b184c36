import { readFile } from 'node:fs/promises';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { NetworkProblem } from './network-problem.ts';

/** Files of certificates, in PEM; null: none. */
export interface TlsFiles {
  /** Authorities that are trusted beside those that Node.js and the system come with. */
  readonly caFile: string | null;
  /** Who we are, for a server that asks for it: certificate (with what it was issued by) and private key. */
  readonly clientCertificateFile: string | null;
  readonly clientKeyFile: string | null;
  /** NODE_EXTRA_CA_CERTS: Node.js reads it too, but not where authorities are named. */
  readonly extraCaFile: string | null;
}

export const NO_TLS_FILES: TlsFiles = {
  caFile: null,
  clientCertificateFile: null,
  clientKeyFile: null,
  extraCaFile: null,
};

export interface Trust {
  /** Each in PEM. */
  readonly authorities: readonly string[];
  /** Null: no client certificate. */
  readonly client: { readonly certificate: string; readonly key: string } | null;
  readonly context: SecureContext;
}

/** Where systems keep what they trust, in one file; Node.js has a list of its own and does not look there. */
export const SYSTEM_STORES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Rejects with an {@link NetworkProblem} that names the file that is not what it should be. */
export async function readTrust(files: TlsFiles): Promise<Trust> {
  const { caFile, clientCertificateFile, clientKeyFile, extraCaFile } = files;
  const named = caFile === null ? [] : certificatesIn(await read(caFile, CA_NAME), caFile, CA_NAME);
  // What is not there is no fault: Node.js passes it over as well.
  const found = await Promise.all([...(extraCaFile === null ? [] : [extraCaFile]), ...SYSTEM_STORES].map(readIfThere));
  const all = [...rootCertificates, ...found.flatMap((text) => text.match(CERTIFICATE) ?? []), ...named];
  const authorities = [...new Map(all.map((pem) => [pem.replaceAll(/\s/g, ''), pem])).values()];
  const client = await readClient(clientCertificateFile, clientKeyFile);
  try {
    const own = client === null ? {} : { cert: client.certificate, key: client.key };
    return { authorities, client, context: createSecureContext({ ca: authorities, ...own }) };
  } catch (error) {
    // What OpenSSL says quotes nothing of the files.
    const which = client === null ? CA_NAME : `${clientCertificateFile ?? ''} and ${clientKeyFile ?? ''}`;
    throw new NetworkProblem(`The certificates cannot be used (${which}): ${(error as Error).message}.`);
  }
}

const CA_NAME = 'agent.caFile, PACELINE_CA_FILE';
const CERTIFICATE_NAME = 'agent.clientCertificateFile, PACELINE_CLIENT_CERTIFICATE_FILE';
const KEY_NAME = 'agent.clientKeyFile, PACELINE_CLIENT_KEY_FILE';

async function readClient(certificate: string | null, key: string | null): Promise<Trust['client']> {
  if (certificate === null && key === null) return null;
  if (certificate === null || key === null)
    throw new NetworkProblem(
      `A client certificate and its key belong together; ${certificate === null ? CERTIFICATE_NAME : KEY_NAME} is missing.`,
    );
  const text = await read(certificate, CERTIFICATE_NAME);
  certificatesIn(text, certificate, CERTIFICATE_NAME);
  return { certificate: text, key: await read(key, KEY_NAME) };
}

function certificatesIn(text: string, path: string, name: string): string[] {
  const found = text.match(CERTIFICATE);
  if (found === null) throw new NetworkProblem(`There is no certificate in PEM in ${path} (${name}).`);
  return found;
}

async function read(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new NetworkProblem(`The file ${path} (${name}) cannot be read: ${(error as Error).message}.`);
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Each system has one of them.
    return '';
  }
}
