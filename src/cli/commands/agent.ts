import type { Command } from 'commander';
import type { CliHost } from '../cli-host.ts';
import type { DefineCommand } from '../command-context.ts';
import type { ExitCode } from '../exit-codes.ts';
import { count, list } from '../option-values.ts';
import {
  drainCommand,
  registerCommand,
  type RegisterFlags,
  removeCommand,
  runAgentCommand,
  type RunAgentFlags,
  statusCommand,
} from '../agent-command.ts';
import { placeOf, type PlaceFlags } from '../runner-place.ts';
import { registerFirst } from '../first-registration.ts';

/** For `paceline up`, which is of another bundle. */
export { agentStatus } from '../../agent/agent-status.ts';
export { registerAgent } from '../../agent/register-agent.ts';
export { runnerLabels } from '../../agent/runner-labels.ts';
export { startAgent } from '../../agent/start-agent.ts';

export const defineAgent: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  const sub = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option('--state <folder>', 'where its credentials and its jobs are kept')
      .option('--config <file>', 'configuration (default: runner.config.json in the current folder)')
      .addHelpText('after', HELP);
  const placed = (name: string, description: string): Command =>
    sub(name, description).option('--folder <folder>', 'of an installed runner, instead of state and configuration');
  const inPlace =
    <F extends PlaceFlags>(run: (flags: F, host: CliHost) => Promise<ExitCode>) =>
    async (given: F): Promise<void> => {
      const place = placeOf(given, host);
      end(await run(place.flags, place.host));
    };
  sub('register', 'make a runner of this machine known to a server')
    .option('--server <url>', 'address of the server (default: agent.server, PACELINE_SERVER)')
    .option('--token-file <file>', 'registration token, - for standard input', '-')
    .option('--name <name>', 'of the runner (default: of the machine)')
    .option('--labels <list>', 'beside self-hosted, operating system and architecture', list)
    .option('--ephemeral', 'it takes one job and is gone')
    .option('--replace', 'take the name over from a runner that is not connected')
    .action(async (flags: RegisterFlags) => end(await registerCommand(flags, host)));
  placed('run', 'take jobs until it is told to end')
    .option('--slots <n>', 'jobs at once', count)
    .option('--labels <list>', 'beside those it was registered with', list)
    .option('--ephemeral', 'end after one job')
    .option('--takeover', 'end a live session of another machine with these credentials')
    .action(
      inPlace<RunAgentFlags>(async (flags, placed) => {
        await registerFirst(flags, placed);
        return runAgentCommand(flags, placed);
      }),
    );
  placed('drain', 'tell the agent to take no more jobs and to end when those that run have ended').action(
    inPlace(drainCommand),
  );
  placed('status', 'show what the agent does').option('--json', 'print JSON').action(inPlace(statusCommand));
  placed('remove', 'remove its credentials and what is left of its jobs from this machine')
    .option('--force', 'even if results were not sent yet')
    .action(inPlace(removeCommand));
};

const HELP = `
Examples:
  paceline tokens create "new runners" --kind registration --expires 1h > token
  paceline agent register --server https://ci.example.org --token-file token --labels gpu
  paceline agent run --slots 4

SIGTERM or Ctrl-C once drains the agent (jobs that run end by themselves), twice cancels its jobs (post steps run),
three times kills them.
Exit codes: 0 success, 2 usage, 3 jobs were cancelled for the end, 4 could not reach or authenticate.`;
