import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CliHost } from './cli-host.ts';

/** Where Paceline keeps what belongs to this account, by the XDG base directories. */
export function places({ environment }: Pick<CliHost, 'environment'>): {
  /** Addresses and tokens that `paceline login` keeps. */
  readonly loginFile: string;
  readonly serverData: string;
  readonly agentState: string;
} {
  const home = environment.HOME || homedir();
  const config = environment.XDG_CONFIG_HOME || join(home, '.config');
  const data = environment.XDG_DATA_HOME || join(home, '.local/share');
  const state = environment.XDG_STATE_HOME || join(home, '.local/state');
  return {
    loginFile: join(config, 'paceline/login.json'),
    serverData: join(data, 'paceline/server'),
    agentState: join(state, 'paceline/agent'),
  };
}

/** What `paceline up` keeps in the folder it is given in, and where commands given there look for its server. */
export const UP_FOLDER = '.paceline';

/** In a server's data folder: where it listens, for commands on the same machine; there while it runs. */
export const ADDRESS_FILE = 'address';
/** In a server's data folder: its first token. */
export const ADMIN_TOKEN_FILE = 'admin-token';
/** In a server's data folder: SQLite, where no other database is configured. */
export const DATABASE_FILE = 'paceline.db';
/** In a server's data folder: the key of the secrets, where no other is configured. */
export const KEY_FILE = 'secrets.key';
