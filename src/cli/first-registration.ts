import { registerCommand, type RunAgentFlags } from './agent-command.ts';
import { stateDirectory } from './agent-machine.ts';
import type { CliHost } from './cli-host.ts';
import { configOf } from './config-of.ts';

/**
 * Registers the runner where none is registered and the environment says how, as at the first start of a container:
 * `PACELINE_TOKEN_FILE` names the file with the token, `PACELINE_SERVER` the server, `PACELINE_RUNNER_NAME` the runner
 * (default: the machine's), and `PACELINE_RUNNER_REPLACE` set to `true` takes a name over from one that is not connected.
 * Throws as `paceline agent register` does.
 */
export async function registerFirst({ state, config }: RunAgentFlags, host: CliHost): Promise<void> {
  const { PACELINE_TOKEN_FILE, PACELINE_RUNNER_NAME, PACELINE_RUNNER_REPLACE } = host.environment;
  if (!PACELINE_TOKEN_FILE) return;
  const { agentStatus } = await import('../agent/agent-status.ts');
  const { registered } = await agentStatus(stateDirectory(state, await configOf(config, host), host));
  if (registered !== null) return;
  await registerCommand(
    {
      ...(state === undefined ? {} : { state }),
      ...(config === undefined ? {} : { config }),
      tokenFile: PACELINE_TOKEN_FILE,
      ...(PACELINE_RUNNER_NAME ? { name: PACELINE_RUNNER_NAME } : {}),
      // Those of the configuration are told at each start.
      labels: [],
      replace: PACELINE_RUNNER_REPLACE === 'true',
    },
    host,
  );
}
