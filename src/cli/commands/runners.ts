import type { Command } from 'commander';
import { UsageError } from '../../local/usage-error.ts';
import type { JitRequest } from '../../protocol/fleet-api.ts';
import type { RunnerView } from '../../protocol/run-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { createJit } from '../client/fleet-requests.ts';
import { agoText, paletteFor, type PrintFlags, printJson, printTable } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { type ServerClient, withServer } from '../client/server-client.ts';
import type { Column } from '../client/table.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { list, secondsOf, runnerNameProblem } from '../option-values.ts';
import type { Palette } from '../../local/palette.ts';

interface JitFlags extends ServerFlags, PrintFlags {
  readonly name?: string;
  readonly labels?: readonly string[];
  readonly group?: string;
  readonly expires?: string;
}

export const defineRunners: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  serverOptions(printOptions(command.command('list').description('list runners, what they are and what they do')))
    .addHelpText('after', HELP)
    .action(async (flags: ServerFlags & PrintFlags) => {
      const runners = await withServer(flags, host, (client) => client.runners());
      if (flags.json === true) printJson(runners, host);
      else printTable(columns(paletteFor(flags, host)), runners, NONE, host);
      end(EXIT.success);
    });

  serverOptions(printOptions(command.command('jit').description('make a configuration for a runner of one job')))
    .option('--name <name>', 'of the runner (default: one that nobody has)')
    .option('--labels <list>', 'beside self-hosted, operating system and architecture', list)
    .option('--group <name>', 'that it is in (default: default)')
    .option('--expires <time>', 'to register, such as 10m, 1h (default: 10m)')
    .addHelpText('after', HELP)
    .action(async ({ name, labels = [], group, expires, ...flags }: JitFlags) => {
      const expiresSeconds = expires === undefined ? undefined : secondsOf(expires);
      if (expiresSeconds === null)
        throw new UsageError(`--expires takes a number and a unit, such as 10m or 1h, not '${expires}'.`);
      const nameProblem = name === undefined ? null : runnerNameProblem(name);
      if (nameProblem !== null) throw new UsageError(nameProblem);
      const wanted = { name, group, expiresSeconds, labels: [...labels] };
      // JSON leaves out what was not given.
      const jit = await withServer(flags, host, (client) => createJit(client, wanted as Partial<JitRequest>));
      if (flags.json === true) printJson(jit, host);
      else {
        host.stderr.write(`Configuration for the runner ${jit.name}, good once and until ${jit.expiresAt}:\n`);
        host.stdout.write(`${jit.config}\n`);
      }
      end(EXIT.success);
    });

  const change = (
    name: string,
    description: string,
    work: (client: ServerClient, runner: string, flags: { readonly force?: boolean }) => Promise<unknown>,
    done: string,
  ): Command =>
    serverOptions(command.command(name).description(description))
      .argument('<name>', 'name or id of the runner')
      .addHelpText('after', HELP)
      .action(async (named: string, flags: ServerFlags & { readonly force?: boolean }) => {
        await withServer(flags, host, (client) => work(client, named, flags));
        host.stdout.write(`Runner ${named} ${done}.\n`);
        end(EXIT.success);
      });
  change(
    'pause',
    'give a runner no more jobs',
    (client, runner) => client.changeRunner(runner, 'pause'),
    'gets no more jobs',
  );
  change(
    'resume',
    'give it jobs again',
    (client, runner) => client.changeRunner(runner, 'resume'),
    'is not paused: it gets jobs while its agent is connected',
  );
  change(
    'drain',
    'let its agent end what it has, and then itself',
    (client, runner) => client.changeRunner(runner, 'drain'),
    'ends when what it has has ended',
  );
  change(
    'remove',
    'forget a runner; its agent ends',
    (client, runner, { force = false }) => client.removeRunner(runner, force),
    'is forgotten',
  ).option('--force', 'even while it has jobs, which are lost');
};

const NONE = 'No runner is registered; `paceline agent register` does it.';

function columns(palette: Palette): readonly Column<RunnerView>[] {
  const paints = {
    idle: palette.green,
    busy: palette.cyan,
    paused: palette.yellow,
    draining: palette.yellow,
    unhealthy: palette.red,
    offline: palette.dim,
  };
  return [
    { title: 'NAME', text: ({ name }) => name, least: 8 },
    { title: 'STATE', text: ({ state }) => state, paint: (text, { state }) => paints[state](text) },
    { title: 'JOBS', text: ({ busy, slots }) => `${busy}/${slots}`, right: true },
    { title: 'GROUP', text: ({ group }) => group },
    { title: 'LABELS', text: ({ labels }) => labels.join(', '), least: 12 },
    { title: 'SEEN', text: ({ lastSeenAt }) => agoText(lastSeenAt, Date.now()) },
    { title: 'VERSION', text: ({ version }) => version ?? '' },
    { title: 'KIND', text: ({ ephemeral }) => (ephemeral ? 'ephemeral' : '') },
    { title: 'NOTE', text: ({ note }) => note ?? '' },
  ];
}

const HELP = `
Examples:
  paceline runners list
  paceline runners pause build-7
  paceline runners jit --labels gpu --expires 10m | paceline agent run --jit-file -
${CLIENT_EXITS}`;
