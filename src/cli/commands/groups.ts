import { Option } from 'commander';
import type { GroupView } from '../../protocol/fleet-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { listGroups, removeGroup, setGroup } from '../client/fleet-requests.ts';
import { type PrintFlags, printJson, printTable } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { Column } from '../client/table.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { list } from '../option-values.ts';

interface SetFlags extends ServerFlags {
  readonly tier: 'trusted' | 'untrusted';
  readonly repositories?: readonly string[];
}

export const defineGroups: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  serverOptions(printOptions(command.command('list').description('list groups of runners, and who may use them')))
    .addHelpText('after', HELP)
    .action(async (flags: ServerFlags & PrintFlags) => {
      const groups = await withServer(flags, host, listGroups);
      if (flags.json === true) printJson(groups, host);
      else printTable(COLUMNS, groups, 'There is no group.', host);
      end(EXIT.success);
    });
  serverOptions(command.command('set').description('make a group, or say anew who may use it'))
    .argument('<name>', 'small letters, digits, -, _ and .')
    .addOption(
      new Option('--tier <tier>', 'untrusted: for runs of pull requests from forks')
        .choices(['trusted', 'untrusted'])
        .default('trusted'),
    )
    .option('--repositories <list>', 'who may use it: OWNER/NAME, OWNER/* (default: all)', list)
    .addHelpText('after', HELP)
    .action(async (name: string, { tier, repositories = ['*'], ...flags }: SetFlags) => {
      await withServer(flags, host, (client) => setGroup(client, name, { tier, repositories: [...repositories] }));
      host.stdout.write(`The group ${name} is ${tier}, for ${repositories.join(', ')}.\n`);
      end(EXIT.success);
    });
  serverOptions(command.command('remove').description('remove a group that has no runners'))
    .argument('<name>')
    .addHelpText('after', HELP)
    .action(async (name: string, flags: ServerFlags) => {
      await withServer(flags, host, (client) => removeGroup(client, name));
      host.stdout.write(`The group ${name} is removed.\n`);
      end(EXIT.success);
    });
};

const COLUMNS: readonly Column<GroupView>[] = [
  { title: 'NAME', text: ({ name }) => name, least: 8 },
  { title: 'TIER', text: ({ tier }) => tier },
  { title: 'RUNNERS', text: ({ runners }) => String(runners), right: true },
  { title: 'REPOSITORIES', text: ({ repositories }) => repositories.join(', '), least: 12 },
];

const HELP = `
Examples:
  paceline groups set deploy --repositories acme/*
  paceline groups set forks --tier untrusted
  paceline tokens create "fork runners" --kind registration --group forks --expires 1h > token
${CLIENT_EXITS}`;
