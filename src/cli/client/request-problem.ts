import type { ApiError, ApiResult } from '../../protocol/api-error.ts';
import { CommandProblem } from '../command-problem.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { ServerChoice } from './server-choice.ts';

/** The value; what the server refused ends the command with one sentence. */
export function valueOf<T>(result: ApiResult<T>, choice: ServerChoice): T {
  if (result.ok) return result.value;
  throw requestProblem(result.error, choice);
}

export function requestProblem(error: ApiError, choice: ServerChoice): CommandProblem {
  return new CommandProblem(EXIT_OF[error.code], sentenceOf(error, choice), error);
}

const EXIT_OF: Readonly<Record<ApiError['code'], ExitCode>> = {
  invalid: EXIT.usage,
  not_found: EXIT.usage,
  conflict: EXIT.usage,
  unauthorized: EXIT.unreachable,
  unavailable: EXIT.unreachable,
  internal: EXIT.internal,
};

function sentenceOf({ code, reason, message }: ApiError, { url, tokenSource }: ServerChoice): string {
  if (reason === 'network')
    return `The server at ${url} cannot be reached: ${message}. Another one is named by --server URL or PACELINE_SERVER.`;
  if (reason === 'scope-missing') return `The token of ${tokenSource} may not do this: ${message}.`;
  if (code === 'unauthorized')
    return `The server at ${url} does not accept the token of ${tokenSource}: ${message}. Another one is given by --token-file, PACELINE_TOKEN or \`paceline login\`.`;
  return asSentence(message);
}

/** Servers begin in lower case and end without a full stop. */
export function asSentence(message: string): string {
  // Not the name of a thing, such as `http://…` or `server.listen`.
  const text = message.replace(/^[a-z]+(?=[ ,])/, (word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
