import { Option } from 'commander';
import { UsageError } from '../../local/usage-error.ts';
import type { Scope, TokenView } from '../../protocol/run-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { agoText, type PrintFlags, printJson, printTable } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { Column } from '../client/table.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { count, list, secondsOf } from '../option-values.ts';

interface CreateFlags extends ServerFlags, PrintFlags {
  readonly kind: 'user' | 'registration';
  readonly scopes?: readonly string[];
  readonly expires?: string;
  readonly uses?: number;
  readonly group?: string;
}

export const defineTokens: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  serverOptions(printOptions(command.command('create').description('make a token; it is printed once')))
    .argument('<name>', 'whose it is, as approvals and the audit name them; of a registration token: what it is for')
    .addOption(
      new Option('--kind <kind>', 'for people and programs, or to register runners with')
        .choices(['user', 'registration'])
        .default('user'),
    )
    .option('--scopes <list>', 'what it may do, such as runs:read,runs:write', list)
    .option('--expires <time>', 'such as 30m, 12h, 7d (default: never; registration: 30d at most)')
    .option('--group <name>', 'that its runners are in (default: default; with the scope runners:jit: any)')
    .option('--uses <n>', 'registrations that it is good for', count)
    .addHelpText('after', HELP)
    .action(async (name: string, flags: CreateFlags) => {
      const { kind, scopes = [], uses = null, group } = flags;
      const expiresSeconds = flags.expires === undefined ? null : expirySeconds(flags.expires);
      // What is no scope is refused by the server, which knows them.
      const request = { name, kind, scopes: scopes as Scope[], expiresSeconds, uses, ...(group && { group }) };
      const created = await withServer(flags, host, (client) => client.createToken(request));
      if (flags.json === true) printJson(created, host);
      else {
        host.stderr.write(`Token ${created.view.id} (${name}); it is shown only now:\n`);
        host.stdout.write(`${created.token}\n`);
      }
      end(EXIT.success);
    });
  serverOptions(printOptions(command.command('list').description('list tokens, never the token itself')))
    .addHelpText('after', HELP)
    .action(async (flags: ServerFlags & PrintFlags) => {
      const { tokens } = await withServer(flags, host, (client) => client.tokens());
      if (flags.json === true) printJson(tokens, host);
      else printTable(COLUMNS, tokens, 'There is no token.', host);
      end(EXIT.success);
    });
  serverOptions(command.command('revoke').description('revoke a token, at once'))
    .argument('<id>', 'number of the token', count)
    .addHelpText('after', HELP)
    .action(async (id: number, flags: ServerFlags) => {
      await withServer(flags, host, (client) => client.revokeToken(id));
      host.stdout.write(`Token ${id} is revoked.\n`);
      end(EXIT.success);
    });
};

function expirySeconds(text: string): number {
  const seconds = secondsOf(text);
  if (seconds !== null) return seconds;
  throw new UsageError(`--expires takes a number and a unit, such as 30m, 12h or 7d, not '${text}'.`);
}

const COLUMNS: readonly Column<TokenView>[] = [
  { title: 'ID', text: ({ id }) => String(id), right: true },
  { title: 'NAME', text: ({ name }) => name, least: 8 },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'STATE', text: stateOf },
  { title: 'SCOPES', text: ({ scopes }) => scopes.join(', '), least: 12 },
  { title: 'GROUP', text: ({ group }) => group ?? '' },
  { title: 'LAST USED', text: ({ lastUsedAt }) => agoText(lastUsedAt, Date.now()) },
];

function stateOf({ revokedAt, expiresAt, usesLeft }: TokenView): string {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt !== null && Date.parse(expiresAt) <= Date.now()) return 'expired';
  if (usesLeft === 0) return 'used up';
  // 2026-11-21T18:00:00.000Z: of one that ends today the hour counts.
  const until = expiresAt === null ? 'good' : `until ${expiresAt.slice(0, 16).replace('T', ' ')} UTC`;
  return usesLeft === null ? until : `${until}, ${usesLeft === 1 ? '1 use' : `${usesLeft} uses`}`;
}

const HELP = `
Examples:
  paceline tokens create "new runners" --kind registration --expires 1h > registration.token
  paceline tokens create deploy --scopes runs:read,runs:write
  paceline tokens revoke 7

Scopes: admin, runs:read, runs:write, runs:signal, secrets:write, runners:read, runners:write, runners:jit,
  tokens:write, audit:read.
${CLIENT_EXITS}`;
