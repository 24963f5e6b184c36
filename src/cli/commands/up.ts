import type { DefineCommand } from '../command-context.ts';
import { upCommand, type UpFlags } from '../up-command.ts';

export const defineUp: DefineCommand = (command, { host, end }) => {
  command
    .argument('[file]', 'workflow file to run first (default: an example with background steps)')
    .option('--once', 'end when its run has ended, with its exit code')
    .option('--data <folder>', 'where server and agent keep what they have (default: .paceline in the current folder)')
    .option('--listen <host:port>', 'where the server listens (default: a free port of 127.0.0.1)')
    .option('--slots <n>', 'jobs at once (default: the cores)', Number)
    .option('--no-color', 'print without colours')
    .addHelpText('after', HELP)
    .action(async (file: string | undefined, flags: UpFlags) => end(await upCommand(file, flags, host)));
};

const HELP = `
Example:
  paceline up

Starts a server and an agent in this process, runs a workflow on them, shows it live, and stays until Ctrl-C, which
ends everything. What ran before is kept in the data folder.
Exit codes: 0 ended by Ctrl-C or --once with success, 1 the run failed, 2 usage, 3 the run was cancelled.`;
