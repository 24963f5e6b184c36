import { Option } from 'commander';
import type { DefineCommand } from '../command-context.ts';
import type { LintFlags } from '../lint-command.ts';

export const defineLint: DefineCommand = (command, { host, end }) => {
  command
    .argument('[paths...]', 'files, or folders with workflow files (default: the current folder)')
    .addOption(new Option('--format <format>', 'how to print').choices(['people', 'json', 'sarif']).default('people'))
    .option('--json', 'the same as --format json')
    .option('--no-color', 'print without colours')
    .addHelpText('after', HELP)
    .action(async (paths: string[], flags: LintFlags) => {
      const { lintCommand } = await import('../lint-command.ts');
      end(lintCommand(paths.length > 0 ? paths : ['.'], flags, host));
    });
};

const HELP = `
Example:
  paceline lint .github/workflows/ci.yml action.yml --format sarif

Exit codes: 0 no errors (warnings do not count), 2 usage or at least one error.`;
