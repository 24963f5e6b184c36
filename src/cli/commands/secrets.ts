import type { SecretView } from '../../protocol/keeping-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { agoText, type PrintFlags, printJson, printTable } from '../client/print.ts';
import { readSecretText } from '../client/secret-text.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { Column } from '../client/table.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';

interface SecretFlags extends ServerFlags {
  readonly repository?: string | null;
  readonly valueFile: string;
}

const REPOSITORY = ['--repository <owner/name>', "of this repository (default: the server's own)"] as const;

export const defineSecrets: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  serverOptions(command.command('set').description('set a secret; nobody gets to read it again'))
    .argument('<name>')
    .option(...REPOSITORY)
    .option('--value-file <file>', 'where the value is, - for standard input', '-')
    .addHelpText('after', HELP)
    .action(async (name: string, { repository = null, valueFile, ...flags }: SecretFlags) => {
      if (valueFile === '-' && host.stderr.isTTY) host.stderr.write('Value, then Ctrl-D: ');
      const value = await readSecretText(valueFile, '--value-file', host);
      const set = await withServer(flags, host, (client) => client.setSecret(name, value, repository));
      host.stdout.write(`Secret ${set.name} has version ${set.version}.\n`);
      end(EXIT.success);
    });
  serverOptions(printOptions(command.command('list').description('list names of secrets')))
    .option(...REPOSITORY)
    .addHelpText('after', HELP)
    .action(async ({ repository = null, ...flags }: ServerFlags & PrintFlags & { repository?: string | null }) => {
      const secrets = await withServer(flags, host, (client) => client.secrets(repository));
      if (flags.json === true) printJson(secrets, host);
      else printTable(COLUMNS, secrets, 'There is no secret.', host);
      end(EXIT.success);
    });
  serverOptions(command.command('remove').description('remove a secret'))
    .argument('<name>')
    .option(...REPOSITORY)
    .addHelpText('after', HELP)
    .action(async (name: string, { repository = null, ...flags }: ServerFlags & { repository?: string | null }) => {
      await withServer(flags, host, (client) => client.removeKept('secrets', name, repository));
      host.stdout.write(`Secret ${name} is removed.\n`);
      end(EXIT.success);
    });
};

const COLUMNS: readonly Column<SecretView>[] = [
  { title: 'NAME', text: ({ name }) => name, least: 12 },
  { title: 'VERSION', text: ({ version }) => String(version), right: true },
  { title: 'SET', text: ({ updatedAt }) => agoText(updatedAt, Date.now()) },
];

const HELP = `
Examples:
  paceline secrets set NPM_TOKEN --repository acme/widgets < npm.token
  paceline secrets list
${CLIENT_EXITS}`;
