import { type Command, Option } from 'commander';
import type { CliHost } from '../cli-host.ts';
import type { DefineCommand } from '../command-context.ts';
import type { ExitCode } from '../exit-codes.ts';
import { count, list } from '../option-values.ts';
import {
  drainCommand,
  registerCommand,
  type RegisterFlags,
  removeCommand,
  type RunAgentFlags,
  statusCommand,
} from '../agent-command.ts';
import { exitForLaunchd } from '../exit-for-launchd.ts';
import { configureCommand, type ConfigureFlags, FOREIGN_OPTIONS } from '../configure-command.ts';
import { placeOf, type PlaceFlags } from '../runner-place.ts';
import { upgradeCommand, type UpgradeFlags } from '../upgrade-command.ts';
import { warnOfRoot } from '../warn-of-root.ts';
import { runInPlace } from '../jit-agent.ts';

/** For `paceline up`, which is of another bundle. */
export { agentStatus } from '../../agent/agent-status.ts';
export { registerAgent } from '../../agent/register-agent.ts';
export { runnerLabels } from '../../agent/runner-labels.ts';
export { startAgent } from '../../agent/start-agent.ts';
export { defineService } from './service.ts';
/** A command of its own; here because it needs what an agent needs. */
export { defineDoctor } from './doctor.ts';

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
    <F extends PlaceFlags>(run: (flags: F, host: CliHost) => Promise<ExitCode>, closed: 'refuse' | 'tell' = 'refuse') =>
    async (given: F): Promise<void> => {
      const place = placeOf(given, host, closed);
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
    .option('--jit-file <file>', 'configuration for one job, of `paceline runners jit`; - for standard input')
    .addOption(new Option('--launchd', 'end as launchd needs it').hideHelp())
    .action(
      inPlace<RunAgentFlags & Pick<PlaceFlags, 'folder'> & { readonly launchd?: boolean }>((flags, placed) => {
        if (flags.folder !== undefined) warnOfRoot(placed);
        const running = runInPlace(flags, placed);
        return flags.launchd === true ? exitForLaunchd(running, placed) : running;
      }),
    );
  configure(command, host, end);
  placed('drain', 'tell the agent to take no more jobs and to end when those that run have ended').action(
    inPlace(drainCommand),
  );
  placed('status', 'show what the agent does')
    .option('--json', 'print JSON')
    .option('--check', 'exit with 1 when it is not connected and has no jobs either')
    .action(inPlace(statusCommand, 'tell'));
  placed('remove', "take it off its server's list, and remove its credentials and what is left of its jobs")
    .option('--local', 'from this machine alone; the server is not told')
    .option('--force', 'even if results were not sent yet, it has jobs, or the server cannot be told')
    .action(inPlace(removeCommand));
  command
    .command('upgrade')
    .description('bring an installed runner to the version of a package, and back when it does not come up')
    .argument('<package>', 'a tarball: a file, or an address of http or https')
    .requiredOption('--folder <folder>', 'of the installed runner')
    .option('--sha256 <sum>', 'its checksum (default: from SHA256SUMS beside it)')
    .option('--now', 'do not wait for jobs: they go on, and the new agent takes them up')
    .addHelpText('after', UPGRADE_HELP)
    .action(async (given: string, flags: UpgradeFlags) => end(await upgradeCommand(given, flags, host)));
};

function configure(command: Command, host: CliHost, end: (code: ExitCode) => void): void {
  const configuring = command
    .command('configure')
    .description("make an installed runner's folder a runner of a server (config.sh); `remove` takes it off again")
    .argument('[action]', '`remove`, or `environment` to take PATH and the like anew (env.sh)')
    .requiredOption('--folder <folder>', 'of the installed runner')
    .option('--url <url>', 'address of the server (default: asked for, PACELINE_SERVER)')
    .option('--token-file <file>', 'registration token, - for standard input (default: asked for, PACELINE_TOKEN)')
    .option('--name <name>', 'of the runner (default: of the machine)')
    .option('--labels <list>', 'beside self-hosted, operating system and architecture', list)
    .option('--no-default-labels', 'those of --labels alone')
    .option('--slots <n>', 'jobs at once', count)
    .option('--work <folder>', 'where workspaces are (default: in _state)')
    .option('--ephemeral', 'it takes one job and is gone')
    .option('--replace', 'take the name over from a runner that is not connected')
    .option('--unattended', 'ask nothing')
    .option('--disableupdate', 'accepted: no runner updates itself')
    .option('--force', 'with `remove`: even if results were not sent yet');
  for (const option of Object.keys(FOREIGN_OPTIONS)) configuring.addOption(new Option(option).hideHelp());
  configuring
    .addHelpText('after', CONFIGURE_HELP)
    .action(async (action: string | undefined, flags: ConfigureFlags) =>
      end(await configureCommand(action, flags, host)),
    );
}

const CONFIGURE_HELP = `
Examples:
  ./config.sh --url https://ci.example.org --labels gpu
  PACELINE_TOKEN=… ./config.sh --url https://ci.example.org --unattended --replace
  ./config.sh remove

A token is never an argument. Where it was interrupted, the same command goes on.
Exit codes: 0 success, 2 usage or a name that is taken, 3 left, 4 could not reach or authenticate.`;

const UPGRADE_HELP = `
Examples:
  bin/paceline agent upgrade https://ci.example.org/paceline-runner-0.2.0-linux-x64.tar.gz --folder /opt/runner
  sudo bin/paceline agent upgrade paceline-runner-0.2.0-linux-x64.tar.gz --folder /opt/runner --now

Without --now the jobs that run end first. Where it was interrupted, the same command goes on. An older package is the
way back.
Exit codes: 0 success, 1 the new version did not come up and the old one is back, 2 usage or a package that is refused.`;

const HELP = `
Examples:
  paceline tokens create "new runners" --kind registration --expires 1h > token
  paceline agent register --server https://ci.example.org --token-file token --labels gpu
  paceline agent run --slots 4

SIGTERM or Ctrl-C once drains the agent (jobs that run end by themselves), twice cancels its jobs (post steps run),
three times kills them.
Exit codes: 0 success, 2 usage, 3 jobs were cancelled for the end, 4 could not reach or authenticate.`;
