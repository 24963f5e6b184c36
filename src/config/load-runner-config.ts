import { readFile } from 'node:fs/promises';
import type { Diagnostic } from '../protocol/diagnostic.ts';
import { DEFAULT_RUNNER_CONFIG, type RunnerConfig } from './runner-config.ts';
import { CONFIG_VARIABLES } from './runner-config-variables.ts';

export interface ConfigSources {
  /** Absolute path of `runner.config.json`; null where there is none. */
  readonly file: string | null;
  /** Of the process: its `PACELINE_…` variables outrank the file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths in variables are relative to; those in the file are relative to its folder. */
  readonly directory: string;
}

export type LoadedConfig =
  | { readonly kind: 'loaded'; readonly config: RunnerConfig }
  /** At least one error. For what comes from a variable, `file` is its name. */
  | { readonly kind: 'problem'; readonly diagnostics: readonly Diagnostic[] };

/** Reads the configuration, checks it, and makes its paths absolute. Never rejects for what is wrong with it. */
export async function loadRunnerConfig({ file, environment, directory }: ConfigSources): Promise<LoadedConfig> {
  const variables = CONFIG_VARIABLES.flatMap(({ variable }) => {
    const value = environment[variable];
    return value ? [[variable, value] as const] : [];
  });
  if (file === null && variables.length === 0) return { kind: 'loaded', config: DEFAULT_RUNNER_CONFIG };
  let text: string | null = null;
  if (file !== null) {
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      const message = `The configuration cannot be read: ${(error as Error).message}.`;
      const where = { file, line: 1, column: 1, length: 1 };
      return { kind: 'problem', diagnostics: [{ severity: 'error', message, ...where, rule: 'unreadable' }] };
    }
  }
  const { checkRunnerConfig } = await import('./check-runner-config.ts');
  return checkRunnerConfig({
    file: text === null ? null : { path: file ?? '', text },
    variables: new Map(variables),
    directory,
  });
}
