import type { DefineCommand } from '../command-context.ts';
import { doctorCommand, type DoctorFlags } from '../doctor-command.ts';

export const defineDoctor: DefineCommand = (command, { host, end }) => {
  command
    .option('--folder <folder>', 'of an installed runner')
    .option('--state <folder>', "where the runner's credentials and jobs are kept")
    .option('--config <file>', 'configuration (default: runner.config.json in the current folder)')
    .option('--server <url>', 'address of the server (default: the one it is registered with)')
    .option('--json', 'print JSON')
    .option('--no-color', 'print without colours')
    .addHelpText('after', HELP)
    .action(async (flags: DoctorFlags) => end(await doctorCommand(flags, host)));
};

const HELP = `
Examples:
  paceline doctor
  paceline doctor --server https://ci.example.org
  paceline doctor --folder /opt/runner --json

Exit codes: 0 nothing is wrong (notes do not count), 1 something is, 2 usage.`;
