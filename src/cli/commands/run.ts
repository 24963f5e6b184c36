import { collect, count } from '../option-values.ts';
import type { DefineCommand } from '../command-context.ts';
import type { RunFlags } from '../run-command.ts';

export const defineRun: DefineCommand = (command, { host, end }) => {
  command
    .argument('[path]', 'workflow file, or a folder with exactly one', '.')
    .option('--event <name>', 'name of the event (default: push)')
    .option('--event-path <file>', "JSON file with the event's payload")
    .option('--apply-filters', "skip the run when the filters under 'on' do not match")
    .option('--job <id>', 'run this job and what it needs')
    .option('--matrix <key:value>', 'run only matrix instances with this value', collect)
    .option('--input <name=value>', 'input of workflow_dispatch', collect)
    .option('--secret <name[=value]>', 'secret; without a value from the environment', collect)
    .option('--secret-file <file>', 'secrets as NAME=VALUE lines', collect)
    .option('--var <name=value>', 'configuration variable (the vars context)', collect)
    .option('--signal <name[=data]>', 'signal for a job that waits for it', collect)
    .option('--env <name=value>', 'environment variable of every step', collect)
    .option('--max-background <n>', 'background steps at once in a job', count)
    .option('--jobs <n>', 'jobs at once (default: 1, with --isolate the cores)', count)
    .option('--isolate', 'give each job a copy of the folder')
    .option('--workspace <folder>', 'run in this folder (default: the current one)')
    .option('--action-root <folder>', 'look here first for actions, as OWNER/NAME[@REF]', collect)
    .option('--offline', 'fetch nothing')
    .option('--config <file>', 'configuration (default: runner.config.json in the workspace)')
    .option('--report <file>', 'write the report as JSON')
    .option('--events <file>', 'write events as they happen, one JSON object a line')
    .option('--log-dir <folder>', 'write a log file for each step')
    .option('--quiet', 'print errors and the end result only')
    .option('--no-color', 'print without colours')
    .addHelpText('after', HELP)
    .action(async (path: string, flags: RunFlags) => {
      const { runCommand } = await import('../run-command.ts');
      end(await runCommand(path, flags, host));
    });
};

const HELP = `
Example:
  paceline run .github/workflows/ci.yml --job test --secret NPM_TOKEN --report report.json

Ctrl-C once cancels the run (post and always() steps run), twice ends its steps at once, three times exits.
Exit codes: 0 success, 1 the run failed, 2 usage or an invalid file, 3 cancelled, 70 internal error.`;
