import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY_BYTES } from './secret-box.ts';

/** In the data folder, where no other is configured. */
export const KEY_FILE = 'secrets.key';

/** A key that cannot be had; the message is for whoever starts the server. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

export interface KeySource {
  readonly keyFile: string | null;
  /** Outranks the file; run by a shell. */
  readonly keyCommand: string | null;
  readonly dataDirectory: string;
}

/** Beside the key's file while it is replaced. */
export function nextKeyFile(path: string): string {
  return `${path}.next`;
}

/** What a command that gives the key may take. */
const COMMAND_TIMEOUT_MS = 60_000;
const OWN_FILE = 0o600;

/** The key that secrets are encrypted with; made at the first start where none is configured. Throws {@link KeyError}. */
export async function loadKey({ keyFile, keyCommand, dataDirectory }: KeySource): Promise<Uint8Array> {
  if (keyCommand !== null) return decodeKey(await runKeyCommand(keyCommand), 'the output of server.keyCommand');
  const path = keyFile ?? join(dataDirectory, KEY_FILE);
  if (keyFile === null) await makeKeyFile(path, dataDirectory);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new KeyError(`the key of the secrets cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return decodeKey(text, path);
}

/** A new key in a file that nobody had made before; of several servers that start at once, one makes it. */
async function makeKeyFile(path: string, dataDirectory: string): Promise<void> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const made = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await writeKeyFile(made, randomBytes(KEY_BYTES));
    try {
      await link(made, path);
    } catch (linkError) {
      // Another server was first: its key counts.
      if ((linkError as NodeJS.ErrnoException).code !== 'EEXIST') throw linkError;
    } finally {
      await rm(made, { force: true });
    }
  }
}

export async function writeKeyFile(path: string, key: Uint8Array): Promise<void> {
  await writeFile(path, `${Buffer.from(key).toString('base64')}\n`, { mode: OWN_FILE, flush: true });
  await chmod(path, OWN_FILE);
}

async function runKeyCommand(command: string): Promise<string> {
  const { execa } = await import('execa');
  const result = await execa(command, { shell: true, stdin: 'ignore', timeout: COMMAND_TIMEOUT_MS, reject: false });
  if (result.failed)
    // What it printed may be the key.
    throw new KeyError(
      result.timedOut
        ? `server.keyCommand took longer than ${COMMAND_TIMEOUT_MS / 1000} s`
        : `server.keyCommand failed with ${result.exitCode === undefined ? 'a signal' : `exit code ${result.exitCode}`}`,
    );
  return result.stdout;
}

export function decodeKey(text: string, source: string): Uint8Array {
  const trimmed = text.trim();
  const key = Buffer.from(trimmed, 'base64');
  if (key.length !== KEY_BYTES || !/^[A-Za-z0-9+/]{43}=$/.test(trimmed))
    throw new KeyError(`${source} is not ${KEY_BYTES} bytes in base64 (openssl rand -base64 ${KEY_BYTES} makes them)`);
  return key;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
