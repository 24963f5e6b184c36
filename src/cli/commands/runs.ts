import type { Command } from 'commander';
import { Option } from 'commander';
import { printOptions, serverOptions } from '../client/client-options.ts';
import { type LogsFlags, logsCommand } from '../client/logs-command.ts';
import { type PrintFlags, printJson } from '../client/print.ts';
import { printRun, printRuns } from '../client/run-tables.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import { watchCommand } from '../client/watch-command.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { count } from '../option-values.ts';
import type { ViewFlags } from '../view-io.ts';
import { defineRunRequests } from './run-requests.ts';

type Flags = ServerFlags & PrintFlags;

export const defineRuns: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  const sub = (name: string, description: string): Command =>
    serverOptions(command.command(name).description(description)).addHelpText('after', HELP);
  const ofRun = (name: string, description: string): Command =>
    sub(name, description).argument('<run>', 'number of the run', count);

  printOptions(sub('list', 'list runs, newest first'))
    .option('--repository <owner/name>', 'of this repository')
    .addOption(new Option('--state <state>', 'in this state').choices(['waiting', 'running', 'completed']))
    .option('--limit <n>', 'at most so many', count, 30)
    .action(async (flags: Flags & { repository?: string; state?: string; limit: number }) => {
      const { repository, state, limit } = flags;
      const filter = { limit, ...(repository && { repository }), ...(state && { state }) };
      const runs = await withServer(flags, host, (client) => client.runs(filter));
      if (flags.json === true) printJson(runs, host);
      else printRuns(runs, flags, host);
      end(EXIT.success);
    });
  printOptions(ofRun('show', 'show a run with its jobs and steps')).action(async (run: number, flags: Flags) => {
    const view = await withServer(flags, host, (client) => client.run(run));
    if (flags.json === true) printJson(view, host);
    else printRun(view, flags, host);
    end(EXIT.success);
  });
  ofRun('watch', 'show a run live until it ends')
    .option('--quiet', 'print errors and the end result only')
    .option('--no-color', 'print without colours')
    .action(async (run: number, flags: ServerFlags & ViewFlags) => {
      end(await withServer(flags, host, (client) => watchCommand(client, [run], flags, host)));
    });
  printOptions(ofRun('logs', 'print or search the logs of a run'))
    .option('-f, --follow', 'go on until the run, or the step, has ended')
    .option('--job <key>', 'of this job, as key or name')
    .option('--step <step>', 'of this step of the job, as number, id or name')
    .option('--search <text>', 'only lines with this text, with their places')
    .option('--pattern', 'the text is a regular expression')
    .action(async (run: number, flags: ServerFlags & LogsFlags) => {
      end(await withServer(flags, host, (client) => logsCommand(client, run, flags, host)));
    });
  defineRunRequests(ofRun, { host, end });
  ofRun('rerun', 'run it again')
    .option('--failed', 'only jobs that failed or were cancelled, and what needs them')
    .option('--watch', 'show it live until it ends')
    .option('--quiet', 'with --watch: errors and the end result only')
    .option('--no-color', 'print without colours')
    .action(async (run: number, flags: ServerFlags & ViewFlags & { failed?: boolean; watch?: boolean }) => {
      const code = await withServer(flags, host, async (client) => {
        const again = await client.rerun(run, flags.failed ?? false);
        host.stderr.write(`Run ${run} runs again, attempt ${again.attempt}.\n`);
        return flags.watch === true ? watchCommand(client, [run], flags, host) : EXIT.success;
      });
      end(code);
    });
};

const HELP = `
Examples:
  paceline runs list --state running
  paceline runs watch 12
  paceline runs logs 12 --job build --step "Run tests" -f
  paceline runs logs 12 --search "out of memory"
  paceline runs rerun 12 --failed --watch
  paceline runs signal 12 approved --data '{"by": "ada"}'
  paceline runs cancel 12 --job deploy

Exit codes: 0 success, 1 the watched run failed, 2 usage or something the server does not have, 3 cancelled or
stopped watching, 4 could not reach or authenticate.`;
