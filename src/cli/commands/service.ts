import type { Command } from 'commander';
import type { DefineCommand } from '../command-context.ts';
import {
  afterStopCommand,
  installServiceCommand,
  renewServiceCommand,
  type ServiceFlags,
  serviceStatusCommand,
  startServiceCommand,
  stopServiceCommand,
  uninstallServiceCommand,
} from '../service-command.ts';

export const defineService: DefineCommand = (command, { host, end }) => {
  command.addHelpText('after', HELP);
  const sub = (name: string, description: string, hidden = false): Command =>
    command
      .command(name, { hidden })
      .description(description)
      .option('--folder <folder>', 'of the installed runner', '.')
      .addHelpText('after', HELP);
  sub('install', 'make it a service that starts with the machine; it is not started yet')
    .argument('[account]', 'whose rights jobs have (default: who called sudo)')
    .option('--run-as <account>', 'the same as an option')
    .option('--user', 'of your own account, without root')
    .action(async (account: string | undefined, flags: ServiceFlags) =>
      end(await installServiceCommand(account, flags, host)),
    );
  sub('start', 'start it').action(async (flags: ServiceFlags) => end(await startServiceCommand(flags, host)));
  sub('stop', 'let jobs that run end, then stop it').action(async (flags: ServiceFlags) =>
    end(await stopServiceCommand(flags, host)),
  );
  sub('status', 'show how it is; exit code 0 while it runs, 1 when it does not, 2 when there is none')
    .option('--json', 'print JSON')
    .action(async (flags: ServiceFlags) => end(await serviceStatusCommand(flags, host)));
  sub('renew', 'write its unit anew, as this version has it; drop-ins stay')
    .option('--json', 'print JSON')
    .action(async (flags: ServiceFlags) => end(await renewServiceCommand(flags, host)));
  sub('uninstall', 'stop it and remove it').action(async (flags: ServiceFlags) =>
    end(await uninstallServiceCommand(flags, host)),
  );
  sub('stopped', 'what the service manager calls when the agent has ended', true).action(async (flags: ServiceFlags) =>
    end(await afterStopCommand(flags, host)),
  );
};

const HELP = `
Examples:
  sudo ./svc.sh install && sudo ./svc.sh start
  paceline service install --user --folder /opt/runner
  paceline service status --folder /opt/runner --json

Where it was interrupted, the same command goes on.
Exit codes: 0 success, 1 the system did not do it, or the service does not run, 2 usage.`;
