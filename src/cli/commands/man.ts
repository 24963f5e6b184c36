import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';

export const defineMan: DefineCommand = (command, { host, end, wholeProgram }) => {
  command.addHelpText('after', HELP).action(async () => {
    const { commandTree } = await import('../command-tree.ts');
    const { manPage } = await import('../man-page.ts');
    host.stdout.write(manPage(commandTree(await wholeProgram()), host.version));
    end(EXIT.success);
  });
};

const HELP = `
Example:
  paceline man > ~/.local/share/man/man1/paceline.1

The package and the runner's folder have it as a file already.
Exit codes: 0 success, 2 usage.`;
