import { join } from 'node:path';
import { runAgentCommand, type RunAgentFlags } from './agent-command.ts';
import { networkSettings, stateDirectory } from './agent-machine.ts';
import { asProblem } from './agent-problem.ts';
import { readSecretText } from './client/secret-text.ts';
import type { CliHost } from './cli-host.ts';
import { configOf } from './config-of.ts';
import { registerFirst } from './first-registration.ts';
import type { ExitCode } from './exit-codes.ts';

/**
 * `paceline agent run`: by a configuration for one job (`--jit-file`, `PACELINE_JIT_CONFIG`) where there is one, else as
 * the runner that the folder is, which is registered first where the environment says how.
 */
export async function runInPlace(flags: RunAgentFlags, host: CliHost): Promise<ExitCode> {
  const variable = host.takeVariable('PACELINE_JIT_CONFIG');
  const { jitFile } = flags;
  const jit = jitFile === undefined ? variable : await readSecretText(jitFile, '--jit-file', host);
  if (jit !== null) return runJitAgent(jit, flags, host);
  await registerFirst(flags, host);
  return runAgentCommand(flags, host);
}

/** Registers by the configuration, runs one job, and leaves nothing behind: the folder is its own unless it was named. */
async function runJitAgent(jit: string, flags: RunAgentFlags, host: CliHost): Promise<ExitCode> {
  const config = await configOf(flags.config, host);
  const { forgetJit, nameOfJit, registerJit } = await import('../agent/jit-runner.ts');
  const name = await asProblem(Promise.resolve().then(() => nameOfJit(jit)));
  const isOwnFolder = flags.state === undefined;
  const state = flags.state ?? join(stateDirectory(undefined, config, host), 'jit', name);
  const options = {
    ...{ server: config.agent.server, stateDirectory: state, isOwnFolder },
    ...{ network: networkSettings(config, host), version: host.version },
  };
  await asProblem(registerJit(jit, options));
  const forget = (): Promise<void> => forgetJit(options);
  return runAgentCommand({ ...flags, state, ephemeral: true }, host, forget);
}
