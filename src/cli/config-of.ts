import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadRunnerConfig } from '../config/load-runner-config.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import { UsageError } from '../local/usage-error.ts';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT } from './exit-codes.ts';

const CONFIG_FILE = 'runner.config.json';

/** The file that `--config` names, else the one in the folder; null when there is none. */
export function configFile(given: string | undefined, folder: string, host: CliHost): string | null {
  if (given !== undefined) {
    const path = resolve(host.directory, given);
    if (!existsSync(path)) throw new UsageError(`There is no configuration file '${path}'.`);
    return path;
  }
  const beside = join(folder, CONFIG_FILE);
  return existsSync(beside) ? beside : null;
}

/** The configuration of a server or an agent. What is wrong with it is printed, and ends the command. */
export async function configOf(given: string | undefined, host: CliHost): Promise<RunnerConfig> {
  const { environment, directory, stderr } = host;
  const loaded = await loadRunnerConfig({ file: configFile(given, directory, host), environment, directory });
  if (loaded.kind === 'loaded') return loaded.config;
  for (const { file, line, column, severity, message } of loaded.diagnostics)
    stderr.write(`${file}:${line}:${column}: ${severity}: ${message}\n`);
  throw new CommandProblem(EXIT.usage, 'The configuration has errors.');
}
