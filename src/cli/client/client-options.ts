import type { Command } from 'commander';

/** Of every command that speaks with a server. */
export function serverOptions(command: Command): Command {
  return command
    .option('--server <url>', 'address of the server (default: PACELINE_SERVER, the login, a server here)')
    .option('--token-file <file>', 'token, - for standard input (default: PACELINE_TOKEN, the login)');
}

/** Of every command that prints data. */
export function printOptions(command: Command): Command {
  return command.option('--json', 'print JSON').option('--no-color', 'print without colours');
}

export const CLIENT_EXITS = `
Exit codes: 0 success, 2 usage or something the server does not have, 4 could not reach or authenticate.`;
