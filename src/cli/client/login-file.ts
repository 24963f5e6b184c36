import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TlsFiles } from '../../kernel/trust.ts';
import { UsageError } from '../../local/usage-error.ts';

/** What `paceline login` keeps: one server, with the token for it. */
export interface Login {
  readonly server: string;
  readonly token: string;
  /** Certificates for it; absent: none beyond those that everybody trusts. Paths are absolute. */
  readonly tls?: Omit<TlsFiles, 'extraCaFile'>;
}

/** Null when nobody has logged in. Throws a {@link UsageError} for a file that is no login. */
export function readLogin(path: string): Login | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Most have none.
    return null;
  }
  try {
    const { server, token, tls } = JSON.parse(text) as Partial<Login>;
    if (typeof server === 'string' && typeof token === 'string')
      return { server, token, ...(tls === undefined ? {} : { tls }) };
  } catch {
    // Told below.
  }
  throw new UsageError(`${path} is no login file; remove it and log in again by \`paceline login URL\`.`);
}

/** Atomic, for this account alone. */
export function writeLogin(path: string, login: Login): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  // A file that was there already would keep its mode.
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
