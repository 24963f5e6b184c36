import { InvalidArgumentError } from 'commander';
import { printOptions, serverOptions } from '../client/client-options.ts';
import { type SubmitFlags, submitCommand } from '../client/submit-command.ts';
import type { DefineCommand } from '../command-context.ts';
import { collect, list } from '../option-values.ts';

export const defineSubmit: DefineCommand = (command, { host, end }) => {
  serverOptions(printOptions(command))
    .argument('[file]', 'workflow file; without it the workflows of --repository that the event triggers')
    .option('--event <name>', 'name of the event (default: push)')
    .option('--event-path <file>', "JSON file with the event's payload")
    .option('--input <name=value>', 'input of workflow_dispatch', collect)
    .option('--job <id>', 'run this job and what it needs')
    .option('--repository <owner/name>', 'the run belongs to it (default: that of the checkout)')
    .option('--no-repository', 'the run belongs to none, checkout or not')
    .option('--clone-url <url>', 'where it is cloned from, if the server does not know it')
    .option('--ref <ref>', 'branch, tag or full ref (default: that of the checkout, else the default branch)')
    .option('--sha <commit>', 'commit (default: that of the checkout, else what the ref has)')
    .option('--priority <n>', 'higher ones go first, -1000 to 1000', priority)
    .option('--exclusive <jobs>', 'jobs that must never run twice at once, such as deployments; * for all', list)
    .option('--dedupe-key <key>', 'a second submission with it makes no new run')
    .option('--watch', 'show it live until it ends')
    .option('--quiet', 'with --watch: errors and the end result only')
    .addHelpText('after', HELP)
    .action(async (file: string | undefined, flags: SubmitFlags) => end(await submitCommand(file, flags, host)));
};

function priority(text: string): number {
  const value = Number(text);
  if (/^-?\d{1,4}$/.test(text) && Math.abs(value) <= 1_000) return value;
  throw new InvalidArgumentError('Expected a whole number from -1000 to 1000.');
}

const HELP = `
Examples:
  paceline submit .github/workflows/ci.yml --watch
  paceline submit deploy.yml --input target=staging --event workflow_dispatch --exclusive deploy
  paceline submit --repository acme/widgets --ref main --event push

The workflow goes along with the local workflows that it calls. Diagnostics are printed as FILE:LINE:COLUMN.
Exit codes: 0 success, 1 the watched run failed, 2 usage or an invalid workflow, 3 cancelled or stopped watching,
4 could not reach or authenticate.`;
