import { resolve } from 'node:path';
import type { CliHost } from '../cli-host.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { places } from '../places.ts';
import { clientNetwork } from '../client/client-network.ts';
import { writeLogin } from '../client/login-file.ts';
import { readSecretText } from '../client/secret-text.ts';
import { ServerClient } from '../client/server-client.ts';
import { serverUrl } from '../client/server-choice.ts';

interface LoginFlags {
  readonly tokenFile: string;
  readonly caFile?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

export const defineLogin: DefineCommand = (command, { host, end }) => {
  command
    .argument('<url>', 'address of the server')
    .option('--token-file <file>', 'where the token is, - for standard input', '-')
    .option('--ca-file <file>', 'certificates of authorities to trust as well (default: PACELINE_CA_FILE)')
    .option('--client-certificate <file>', 'for a server that asks for one')
    .option('--client-key <file>', 'its private key')
    .addHelpText('after', HELP)
    .action(async (url: string, flags: LoginFlags) => {
      const { tokenFile } = flags;
      const server = serverUrl(url);
      if (tokenFile === '-' && host.stderr.isTTY) host.stderr.write('Token, then Ctrl-D: ');
      const token = await readSecretText(tokenFile, '--token-file', host);
      const tokenSource = tokenFile === '-' ? 'standard input' : tokenFile;
      const withFlags = { ...host, environment: { ...host.environment, ...variablesOf(flags, host) } };
      const client = await ServerClient.open({ url: server, token, tokenSource }, withFlags);
      try {
        // Asks for something, so that a token that is not accepted is not kept.
        await client.runs({ limit: 1 });
      } finally {
        await client.close();
      }
      const { loginFile } = places(host);
      const { caFile, clientCertificateFile, clientKeyFile } = clientNetwork(server, withFlags).tls;
      const tls = { caFile, clientCertificateFile, clientKeyFile };
      const hasFiles = Object.values(tls).some((file) => file !== null);
      writeLogin(loginFile, { server, token, ...(hasFiles ? { tls } : {}) });
      host.stdout.write(`Logged in at ${server}; the token is kept in ${loginFile}.\n`);
      end(EXIT.success);
    });
};

/** Options outrank the environment. */
function variablesOf(
  { caFile, clientCertificate, clientKey }: LoginFlags,
  { directory }: CliHost,
): Record<string, string> {
  const given = {
    PACELINE_CA_FILE: caFile,
    PACELINE_CLIENT_CERTIFICATE_FILE: clientCertificate,
    PACELINE_CLIENT_KEY_FILE: clientKey,
  };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, file]) => (file === undefined ? [] : [[name, resolve(directory, file)]])),
  );
}

const HELP = `
Examples:
  paceline login https://ci.example.org --token-file token.txt
  paceline login https://ci.example.org --token-file token.txt --ca-file our-ca.pem

Exit codes: 0 success, 2 usage, 4 could not reach or authenticate.`;
