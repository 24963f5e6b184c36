import type { Command } from 'commander';
import type { RepositoryView } from '../../protocol/keeping-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { agoText, type PrintFlags, printJson, printTable } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { Column } from '../client/table.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';

interface SetFlags extends ServerFlags {
  readonly cloneUrl?: string | null;
  readonly defaultBranch?: string | null;
}

export const defineRepositories: DefineCommand = (command: Command, { host, end }) => {
  command.addHelpText('after', HELP);
  serverOptions(printOptions(command.command('list').description('list registered repositories')))
    .addHelpText('after', HELP)
    .action(async (flags: ServerFlags & PrintFlags) => {
      const repositories = await withServer(flags, host, (client) => client.repositories());
      if (flags.json === true) printJson(repositories, host);
      else printTable(COLUMNS, repositories, 'No repository is registered.', host);
      end(EXIT.success);
    });
  serverOptions(command.command('set').description('register a repository, or change it'))
    .argument('<owner/name>')
    .option('--clone-url <url>', "what git takes, without a password (default: below the server's actions.baseUrl)")
    .option('--default-branch <name>', 'for runs without a ref (default: what the repository says)')
    .addHelpText('after', HELP)
    .action(async (name: string, { cloneUrl = null, defaultBranch = null, ...flags }: SetFlags) => {
      const set = await withServer(flags, host, (client) => client.setRepository(name, { cloneUrl, defaultBranch }));
      host.stdout.write(`Repository ${set.name} is cloned from ${set.cloneUrl}.\n`);
      end(EXIT.success);
    });
  serverOptions(command.command('remove').description('forget a repository with its secrets, variables and schedules'))
    .argument('<owner/name>')
    .addHelpText('after', HELP)
    .action(async (name: string, flags: ServerFlags) => {
      await withServer(flags, host, (client) => client.removeRepository(name));
      host.stdout.write(`Repository ${name} is forgotten; its runs stay.\n`);
      end(EXIT.success);
    });
};

const COLUMNS: readonly Column<RepositoryView>[] = [
  { title: 'NAME', text: ({ name }) => name, least: 12 },
  { title: 'CLONED FROM', text: ({ cloneUrl }) => cloneUrl, least: 16 },
  { title: 'DEFAULT BRANCH', text: ({ defaultBranch }) => defaultBranch ?? '', least: 8 },
  { title: 'ADDED', text: ({ createdAt }) => agoText(createdAt, Date.now()) },
];

const HELP = `
Examples:
  paceline repositories set acme/widgets --clone-url https://git.example.org/acme/widgets.git
  paceline repositories list
${CLIENT_EXITS}`;
