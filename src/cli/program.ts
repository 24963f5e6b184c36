import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CliHost } from './cli-host.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { LintFlags } from './lint-command.ts';
import type { RunFlags } from './run-command.ts';

/** Reads the command line and does what it says. Only the modules of the chosen command are loaded. */
export async function runProgram(args: readonly string[], host: CliHost): Promise<ExitCode> {
  let code: ExitCode = EXIT.success;
  const program = new Command('paceline')
    .description('Runs GitHub Actions workflow files on this machine, their steps side by side.')
    .version(host.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'paceline: ')),
    })
    .addHelpText('after', EXAMPLES.all);

  program
    .command('run')
    .description('run a workflow file in the current folder')
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
    .addHelpText('after', EXAMPLES.run)
    .action(async (path: string, flags: RunFlags) => {
      const { runCommand } = await import('./run-command.ts');
      code = await runCommand(path, flags, host);
    });

  program
    .command('lint')
    .description('check workflow and action files without running them')
    .argument('[paths...]', 'files, or folders with workflow files (default: the current folder)')
    .addOption(new Option('--format <format>', 'how to print').choices(['people', 'json', 'sarif']).default('people'))
    .option('--json', 'the same as --format json')
    .option('--no-color', 'print without colours')
    .addHelpText('after', EXAMPLES.lint)
    .action(async (paths: string[], flags: LintFlags) => {
      const { lintCommand } = await import('./lint-command.ts');
      code = lintCommand(paths.length > 0 ? paths : ['.'], flags, host);
    });

  try {
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Help and version end this way too, with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
    throw error;
  }
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1.');
}

const EXAMPLES = {
  all: `
Examples:
  paceline run .github/workflows/ci.yml
  paceline lint .github/workflows/*.yml

Exit codes: 0 success, 1 the run failed, 2 usage or an invalid file, 3 cancelled,
4 could not reach or authenticate, 70 internal error.`,
  run: `
Example:
  paceline run .github/workflows/ci.yml --job test --secret NPM_TOKEN --report report.json

Ctrl-C once cancels the run (post and always() steps run), twice ends its steps at once, three times exits.
Exit codes: 0 success, 1 the run failed, 2 usage or an invalid file, 3 cancelled, 70 internal error.`,
  lint: `
Example:
  paceline lint .github/workflows/ci.yml action.yml --format sarif

Exit codes: 0 no errors (warnings do not count), 2 usage or at least one error.`,
};
