import { readFileSync } from 'node:fs';
import { request as requestClear } from 'node:http';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';
import { connectionProblem } from '../kernel/connection-problem.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { ADDRESS_FILE } from './places.ts';
import { type DataFlags, serverSettings } from './server-settings.ts';

/** Shorter than what whoever looks after a service waits for an answer. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Whether the server of the data folder, on this machine, answers and has its database: for those who look after it. */
export async function serverStatusCommand(flags: DataFlags, host: CliHost): Promise<ExitCode> {
  const { config, dataDirectory } = await serverSettings(flags, host);
  const address = addressIn(dataDirectory);
  if (address === null) throw new CommandProblem(EXIT.unreachable, `No server runs in ${dataDirectory}.`);
  const answer = await ask(new URL('/readyz', address), config.agent);
  if (answer !== 200)
    throw new CommandProblem(EXIT.unreachable, `The server at ${address} is not ready: ${sentenceOf(answer)}`);
  host.stdout.write(`The server at ${address} is ready.\n`);
  return EXIT.success;
}

function addressIn(dataDirectory: string): string | null {
  try {
    return readFileSync(join(dataDirectory, ADDRESS_FILE), 'utf8').trim();
  } catch {
    // It is there while a server runs.
    return null;
  }
}

/** The status of the answer, or what kept it away. A server that wants a certificate is shown that of this machine's agent. */
function ask(url: URL, { clientCertificateFile, clientKeyFile }: RunnerConfig['agent']): Promise<number | string> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const isTls = url.protocol === 'https:';
  const cert = clientCertificateFile === null ? undefined : readFileSync(clientCertificateFile);
  const key = clientKeyFile === null ? undefined : readFileSync(clientKeyFile);
  return new Promise((resolve) => {
    const request = isTls
      ? // Its certificate is for its public name; nothing secret is said here.
        requestTls(url, { signal, cert, key, rejectUnauthorized: false })
      : requestClear(url, { signal });
    request.once('error', (error) =>
      resolve(signal.aborted ? 'it did not answer' : connectionProblem(error, isTls && cert === undefined)),
    );
    request.once('response', ({ statusCode = 0 }) => {
      request.destroy();
      resolve(statusCode);
    });
    request.end();
  });
}

function sentenceOf(answer: number | string): string {
  return typeof answer === 'string' ? `${answer}.` : `it answered with ${answer}, its database does not answer.`;
}
