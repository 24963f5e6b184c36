import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { places } from '../places.ts';
import { writeLogin } from '../client/login-file.ts';
import { readSecretText } from '../client/secret-text.ts';
import { ServerClient } from '../client/server-client.ts';
import { serverUrl } from '../client/server-choice.ts';

interface LoginFlags {
  readonly tokenFile: string;
}

export const defineLogin: DefineCommand = (command, { host, end }) => {
  command
    .argument('<url>', 'address of the server')
    .option('--token-file <file>', 'where the token is, - for standard input', '-')
    .addHelpText('after', HELP)
    .action(async (url: string, { tokenFile }: LoginFlags) => {
      const server = serverUrl(url);
      if (tokenFile === '-' && host.stderr.isTTY) host.stderr.write('Token, then Ctrl-D: ');
      const token = await readSecretText(tokenFile, '--token-file', host);
      const tokenSource = tokenFile === '-' ? 'standard input' : tokenFile;
      const client = await ServerClient.open({ url: server, token, tokenSource }, host);
      try {
        // Asks for something, so that a token that is not accepted is not kept.
        await client.runs({ limit: 1 });
      } finally {
        await client.close();
      }
      const { loginFile } = places(host);
      writeLogin(loginFile, { server, token });
      host.stdout.write(`Logged in at ${server}; the token is kept in ${loginFile}.\n`);
      end(EXIT.success);
    });
};

const HELP = `
Example:
  paceline login https://ci.example.org --token-file token.txt

Exit codes: 0 success, 2 usage, 4 could not reach or authenticate.`;
