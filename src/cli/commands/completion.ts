import { Argument } from 'commander';
import type { CommandNode } from '../command-tree.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';

export const defineCompletion: DefineCommand = (command, { host, end, wholeProgram }) => {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action(async (shell: Shell) => {
      const { commandTree } = await import('../command-tree.ts');
      host.stdout.write((await scriptOf(shell))(commandTree(await wholeProgram())));
      end(EXIT.success);
    });
};

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

async function scriptOf(shell: Shell): Promise<(root: CommandNode) => string> {
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash-completion.ts')).bashCompletion;
    case 'zsh':
      return (await import('../completion/zsh-completion.ts')).zshCompletion;
    case 'fish':
      return (await import('../completion/fish-completion.ts')).fishCompletion;
  }
}

const HELP = `
Examples:
  paceline completion bash > ~/.local/share/bash-completion/completions/paceline
  paceline completion zsh > ~/.zfunc/_paceline
  paceline completion fish > ~/.config/fish/completions/paceline.fish

The script names the commands of this version: print it again after an upgrade.
Exit codes: 0 success, 2 usage.`;
