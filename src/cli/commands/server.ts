import type { Command } from 'commander';
import { adminTokenCommand } from '../admin-token-command.ts';
import { backupCommand, restoreCommand, rotateKeyCommand } from '../backup-command.ts';
import type { DefineCommand } from '../command-context.ts';
import { serverCommand, type ServerProcessFlags } from '../server-command.ts';
import { serverStatusCommand } from '../server-status.ts';

/** For `paceline up`, which is of another bundle. */
export { startServerHere } from '../server-command.ts';

export const defineServer: DefineCommand = (command, { host, end }) => {
  command
    .option('--listen <host:port>', 'where to listen (default: 127.0.0.1:7380); port 0 takes a free one')
    .option('--public-url <url>', 'how agents and people reach it, if not as it listens')
    .option('--database <url>', 'postgres://…, or a path (default: SQLite in the data folder)')
    .option('--data <folder>', 'where tokens, keys, logs and SQLite are kept')
    .option('--config <file>', 'configuration (default: runner.config.json in the current folder)')
    .addHelpText('after', HELP)
    .action(async (flags: ServerProcessFlags) => end(await serverCommand(flags, host)));
  const sub = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option('--data <folder>', "the server's data folder")
      .option('--database <url>', 'as the server has it')
      .option('--config <file>', 'configuration (default: runner.config.json in the current folder)')
      .addHelpText('after', HELP);
  sub('status', 'whether the server answers and has its database').action(async (_own: object, self: Command) =>
    end(await serverStatusCommand(self.optsWithGlobals(), host)),
  );
  sub('backup', 'copy database and logs to a folder, also while the server runs')
    .argument('<folder>', 'is made; may be there when it is empty')
    .option('--with-key', 'and the key of the secrets: whoever has the backup has them')
    .action(async (folder: string, _own: object, self: Command) =>
      end(await backupCommand(folder, self.optsWithGlobals(), host)),
    );
  sub('restore', 'put a backup in the place of the data, while the server does not run')
    .argument('<folder>', 'that `backup` made')
    .option('--force', 'replace what is there')
    .action(async (folder: string, _own: object, self: Command) =>
      end(await restoreCommand(folder, self.optsWithGlobals(), host)),
    );
  sub('admin-token', 'make a token with every right, where none is left; it is printed once')
    .argument('[name]', 'what it is for, as `tokens list` and the audit show it', 'admin')
    .option('--json', 'print JSON')
    .action(async (name: string, _own: object, self: Command) =>
      end(await adminTokenCommand(name, self.optsWithGlobals(), host)),
    );
  sub('rotate-key', 'encrypt every secret with a new key').action(async (_own: object, self: Command) =>
    end(await rotateKeyCommand(self.optsWithGlobals(), host)),
  );
};

const HELP = `
Examples:
  paceline server
  paceline server --listen 0.0.0.0:7380 --public-url https://ci.example.org --database postgres://ci@db/paceline
  paceline server status
  paceline server backup /backups/monday
  paceline server restore /backups/monday --force
  paceline server admin-token > token

A database whose address has a password is better named by PACELINE_SERVER_DATABASE: arguments are seen by everybody
on the machine. SIGTERM or Ctrl-C once stops the server, twice ends it at once; jobs go on meanwhile.
Exit codes: 0 stopped, 2 usage, 4 the database or the server could not be reached, 70 internal error.`;
