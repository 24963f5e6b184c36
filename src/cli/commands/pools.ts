import type { PoolDemand } from '../../protocol/fleet-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { poolDemand } from '../client/fleet-requests.ts';
import { type PrintFlags, printJson, printTable } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { list } from '../option-values.ts';

interface DemandFlags extends ServerFlags, PrintFlags {
  readonly labels?: readonly string[];
}

export const definePools: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  serverOptions(printOptions(command.command('demand').description('show what a group of runners needs now')))
    .argument('<group>', 'name of the group')
    .option('--labels <list>', 'all labels of the runners that would be added (default: any job counts)', list)
    .addHelpText('after', HELP)
    .action(async (group: string, flags: DemandFlags) => {
      const demand = await withServer(flags, host, (client) => poolDemand(client, group, flags.labels ?? []));
      if (flags.json === true) printJson(demand, host);
      else printTable(COLUMNS, rowsOf(demand), '', host);
      end(EXIT.success);
    });
};

function rowsOf({ queued, queues, running, runners, freeSlots, starting, wanted }: PoolDemand): [string, string][] {
  const states = Object.entries(runners).filter(([, count]) => count > 0);
  return [
    ['runners wanted', String(wanted)],
    ['jobs queued', String(queued)],
    ...queues.map(({ labels, jobs }): [string, string] => [`  ${labels.join(', ') || 'any labels'}`, String(jobs)]),
    ['jobs running', String(running)],
    ['free slots', String(freeSlots)],
    ['runners starting', String(starting)],
    ...states.map(([state, count]): [string, string] => [`runners ${state}`, String(count)]),
  ];
}

const COLUMNS = [
  { title: 'WHAT', text: ([what]: [string, string]) => what },
  { title: 'NOW', text: ([, now]: [string, string]) => now, right: true },
];

const HELP = `
Examples:
  paceline pools demand default
  paceline pools demand gpu --labels self-hosted,Linux,X64,gpu --json
${CLIENT_EXITS}`;
