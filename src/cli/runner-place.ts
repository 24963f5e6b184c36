import { accessSync, existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { runnerFolder, type RunnerFolder } from '../install/runner-folder.ts';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT } from './exit-codes.ts';
import { machineProblem } from './machine-problem.ts';

export interface PlaceFlags {
  readonly state?: string;
  readonly config?: string;
  /** Of an installed runner: instead of both. */
  readonly folder?: string;
}

/**
 * What a command of an agent works with: as it was given, or of the installed runner that `--folder` names. Then the
 * state, the configuration and the variables of `.env` are that folder's, whatever folder the command is given in.
 *
 * @param closed What becomes of an `.env` that this account may not read: with `tell`, for who only looks, a note.
 * @throws CommandProblem
 */
export function placeOf<F extends PlaceFlags>(
  flags: F,
  host: CliHost,
  closed: 'refuse' | 'tell' = 'refuse',
): { readonly flags: F; readonly host: CliHost } {
  if (flags.folder === undefined) return { flags, host };
  if (flags.state !== undefined || flags.config !== undefined)
    throw new CommandProblem(
      EXIT.usage,
      '--folder says where state and configuration are: leave --state, --config out.',
    );
  const folder = installedFolder(flags.folder, host);
  let variables: Record<string, string | undefined> = {};
  try {
    variables = environmentOf(folder);
  } catch (error) {
    const problem = machineProblem(error);
    if (problem === null || closed === 'refuse') throw problem ?? error;
    host.stderr.write(`Looked at without what is in .env: ${problem.message}\n`);
  }
  const environment = { ...host.environment, ...variables };
  return { flags: { ...flags, state: folder.state }, host: { ...host, directory: folder.root, environment } };
}

/** @throws CommandProblem for one that was not laid out for a runner, or is closed to this account. */
export function installedFolder(given: string, host: CliHost): RunnerFolder {
  const folder = runnerFolder(resolve(host.directory, given));
  try {
    accessSync(folder.manifest);
  } catch (error) {
    const none = `${folder.root} is no folder of a runner: it has no bin/manifest.json.`;
    throw machineProblem(error) ?? new CommandProblem(EXIT.usage, none);
  }
  return folder;
}

/** `NAME=VALUE` lines as GitHub's runner reads them: as they are, without quotes and comments. No value: not set. */
function environmentOf({ environment }: RunnerFolder): Record<string, string | undefined> {
  if (!existsSync(environment)) return {};
  const variables: Record<string, string | undefined> = {};
  for (const line of readFileSync(environment, 'utf8').split(/\r?\n/)) {
    const end = line.indexOf('=');
    if (end > 0) variables[line.slice(0, end)] = line.slice(end + 1) || undefined;
  }
  return variables;
}
