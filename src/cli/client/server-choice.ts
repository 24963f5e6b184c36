import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadRunnerConfig } from '../../config/load-runner-config.ts';
import { UsageError } from '../../local/usage-error.ts';
import type { CliHost } from '../cli-host.ts';
import { configFile } from '../config-of.ts';
import { ADDRESS_FILE, ADMIN_TOKEN_FILE, places, UP_FOLDER } from '../places.ts';
import { readLogin } from './login-file.ts';
import { readSecretText } from './secret-text.ts';

/** How every command that speaks with a server says which. */
export interface ServerFlags {
  readonly server?: string;
  readonly tokenFile?: string;
}

export interface ServerChoice {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string;
  /** Where the token comes from, for the sentence about one that is not accepted. */
  readonly tokenSource: string;
}

/**
 * Address: `--server`, PACELINE_SERVER, the last login, a server that runs on this machine. Token: `--token-file`,
 * PACELINE_TOKEN, the login at that address, the admin's token of a server on this machine. Throws a
 * {@link UsageError} that says how to name what is missing.
 */
export async function chooseServer(flags: ServerFlags, host: CliHost): Promise<ServerChoice> {
  const { environment } = host;
  const named = flags.server ?? (environment.PACELINE_SERVER || undefined);
  const login = readLogin(places(host).loginFile);
  const here = await serverHere(host);
  const url = named === undefined ? (login?.server ?? here?.url) : serverUrl(named);
  if (url === undefined)
    throw new UsageError(
      'No server is known: name one by --server URL or PACELINE_SERVER, keep one by `paceline login URL`, or start one here by `paceline server`.',
    );
  return { url, ...(await tokenFor(url)) };

  async function tokenFor(server: string): Promise<Omit<ServerChoice, 'url'>> {
    if (flags.tokenFile !== undefined) {
      const shown = flags.tokenFile === '-' ? 'standard input' : flags.tokenFile;
      return { token: await readSecretText(flags.tokenFile, '--token-file', host), tokenSource: shown };
    }
    if (environment.PACELINE_TOKEN) return { token: environment.PACELINE_TOKEN.trim(), tokenSource: 'PACELINE_TOKEN' };
    if (login?.server === server) return { token: login.token, tokenSource: places(host).loginFile };
    if (here !== null && here.url === server) return { token: here.token, tokenSource: here.tokenFile };
    throw new UsageError(
      `No token for ${server} is known: give one by --token-file FILE (- for standard input) or PACELINE_TOKEN, or keep one by \`paceline login ${server}\`.`,
    );
  }
}

/** An http or https address without anything behind it. */
export function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new UsageError(`'${text}' is no address of a server; expected http://HOST:PORT or https://HOST.`);
  if (url.username !== '' || url.password !== '')
    throw new UsageError(
      'The address of a server has no name and no password in it; the token is given by --token-file.',
    );
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

interface ServerHere {
  readonly url: string;
  readonly token: string;
  readonly tokenFile: string;
}

async function serverHere(host: CliHost): Promise<ServerHere | null> {
  const { environment, directory } = host;
  // A configuration that is wrong is told by what needs it.
  const file = configFile(undefined, directory, host);
  const loaded = await loadRunnerConfig({ file, environment, directory });
  const configured = loaded.kind === 'loaded' ? loaded.config.server.dataDirectory : null;
  return readServer(resolve(configured ?? places(host).serverData)) ?? readServer(join(directory, UP_FOLDER, 'server'));
}

/**
 * What a server's data folder tells. Only what a server on this machine wrote is believed: a folder that came with
 * somebody's repository could name a server that collects what is sent to it, but has no file of mode 0600.
 */
function readServer(dataDirectory: string): ServerHere | null {
  const tokenFile = join(dataDirectory, ADMIN_TOKEN_FILE);
  try {
    const { mode, uid } = statSync(tokenFile);
    if ((mode & 0o077) !== 0 || uid !== process.getuid?.()) return null;
    const url = readFileSync(join(dataDirectory, ADDRESS_FILE), 'utf8').trim();
    if (!isLoopback(new URL(url).hostname)) return null;
    return { url, token: readFileSync(tokenFile, 'utf8').trim(), tokenFile };
  } catch {
    // None runs here, or it belongs to somebody else.
    return null;
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}
