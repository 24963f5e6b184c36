import type { VariableView } from '../../protocol/keeping-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { agoText, type PrintFlags, printJson, printTable } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { Column } from '../client/table.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';

type VariableFlags = ServerFlags & { readonly repository?: string | null };

const REPOSITORY = ['--repository <owner/name>', "of this repository (default: the server's own)"] as const;

export const defineVariables: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  serverOptions(command.command('set').description('set a configuration variable (the vars context)'))
    .argument('<name>')
    .argument('<value>', 'it is no secret: everybody on this machine sees it')
    .option(...REPOSITORY)
    .addHelpText('after', HELP)
    .action(async (name: string, value: string, { repository = null, ...flags }: VariableFlags) => {
      const set = await withServer(flags, host, (client) => client.setVariable(name, value, repository));
      host.stdout.write(`Variable ${set.name} is set.\n`);
      end(EXIT.success);
    });
  serverOptions(printOptions(command.command('list').description('list variables with their values')))
    .option(...REPOSITORY)
    .addHelpText('after', HELP)
    .action(async ({ repository = null, ...flags }: VariableFlags & PrintFlags) => {
      const variables = await withServer(flags, host, (client) => client.variables(repository));
      if (flags.json === true) printJson(variables, host);
      else printTable(COLUMNS, variables, 'There is no variable.', host);
      end(EXIT.success);
    });
  serverOptions(command.command('remove').description('remove a variable'))
    .argument('<name>')
    .option(...REPOSITORY)
    .addHelpText('after', HELP)
    .action(async (name: string, { repository = null, ...flags }: VariableFlags) => {
      await withServer(flags, host, (client) => client.removeKept('variables', name, repository));
      host.stdout.write(`Variable ${name} is removed.\n`);
      end(EXIT.success);
    });
};

const COLUMNS: readonly Column<VariableView>[] = [
  { title: 'NAME', text: ({ name }) => name, least: 12 },
  { title: 'VALUE', text: ({ value }) => value, least: 12 },
  { title: 'SET', text: ({ updatedAt }) => agoText(updatedAt, Date.now()) },
];

const HELP = `
Examples:
  paceline variables set REGION eu-west-1 --repository acme/widgets
  paceline variables list
${CLIENT_EXITS}`;
