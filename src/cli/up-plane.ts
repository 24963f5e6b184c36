import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningAgent } from '../agent/start-agent.ts';
import { type OpenDiagnosticLog, openDiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { RunningServer } from '../server/running-server.ts';
import { agentEnvironment, machineRunnerName, networkSettings } from './agent-machine.ts';
import { ServerClient } from './client/server-client.ts';
import type { ServerChoice } from './client/server-choice.ts';
import type { CliHost } from './cli-host.ts';
import { configOf } from './config-of.ts';
import { ADDRESS_IN_USE } from './server-problem.ts';
import { DEFAULT_RUNNER_CONFIG, type RunnerConfig } from '../config/runner-config.ts';

/** A server and an agent that run in this process. */
export interface UpPlane {
  readonly url: string;
  readonly admin: ServerChoice;
  readonly runner: string;
  readonly labels: readonly string[];
  /** The configured address, where another program has it. */
  readonly taken: string | null;
  /** What runs ends at once. */
  kill(): void;
  /** Cancels what runs, ends the agent, then the server. */
  stop(): Promise<void>;
}

export interface UpPlaneOptions {
  readonly directory: string;
  /** `HOST:PORT`; null: the configured one if it is free, else any port. */
  readonly listen: string | null;
  readonly slots: number;
}

const REGISTRATION_SECONDS = 600;
/** What most workflow files ask for. */
const LABELS = ['ubuntu-latest'];

/** Both keep what they have below the folder. Rejects with a `CommandProblem` when one of them cannot start. */
export async function startPlane(options: UpPlaneOptions, host: CliHost): Promise<UpPlane> {
  const { directory, slots } = options;
  const config = await configOf(undefined, host);
  const log = await openDiagnosticLog(config.log);
  const { server, taken } = await startServer(options, config, log, host);
  try {
    const token = (await readFile(server.adminTokenFile, 'utf8')).trim();
    const admin: ServerChoice = { url: server.url, token, tokenSource: server.adminTokenFile };
    const own = { server: server.url, slots, labels: [...config.agent.labels, ...LABELS], ephemeral: false };
    const agentConfig = { ...config, agent: { ...config.agent, ...own } };
    const state = join(directory, 'agent');
    const { startAgent, runnerLabels } = await import('./commands/agent.ts');
    const runner = await ensureRegistered(admin, state, agentConfig, host);
    const agent: RunningAgent = await startAgent({
      ...{ config: agentConfig, stateDirectory: state, runtimeDirectory: join(directory, 'run') },
      ...{ worker: host.self, environment: agentEnvironment(host), network: networkSettings(config, host) },
      ...{ version: host.version, takeover: true, log },
    });
    return {
      ...{ url: server.url, admin, runner, taken },
      labels: runnerLabels(process.platform, process.arch, own.labels),
      kill: () => agent.kill(),
      async stop() {
        agent.cancel();
        await agent.finished;
        await server.stop();
        await log.close();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function startServer(
  { directory, listen }: UpPlaneOptions,
  config: RunnerConfig,
  log: OpenDiagnosticLog,
  host: CliHost,
): Promise<{ server: RunningServer; taken: string | null }> {
  const { startServerHere } = await import('./commands/server.ts');
  const dataDirectory = join(directory, 'server');
  const fail = (error: Error): void => host.stderr.write(`The server cannot go on: ${error.message}\n`);
  const start = (at: string): Promise<RunningServer> => {
    // Its agent and its commands are of this machine.
    const { tls } = DEFAULT_RUNNER_CONFIG.server;
    const own = { ...config.server, listen: at, publicUrl: null, database: null, dataDirectory, tls };
    return startServerHere({ config: { ...config, server: own }, dataDirectory }, log, host, fail);
  };
  if (listen !== null) return { server: await start(listen), taken: null };
  try {
    return { server: await start(config.server.listen), taken: null };
  } catch (error) {
    // Another server has the port.
    if (!(error instanceof Error) || !error.message.startsWith(ADDRESS_IN_USE)) throw error;
    return { server: await start(ANY_PORT), taken: config.server.listen };
  }
}

export const ANY_PORT = '127.0.0.1:0';

/** The runner of the last time if the server still knows it; else a new one in its place. */
async function ensureRegistered(
  admin: ServerChoice,
  state: string,
  config: RunnerConfig,
  host: CliHost,
): Promise<string> {
  const { agentStatus, registerAgent } = await import('./commands/agent.ts');
  const { registered } = await agentStatus(state);
  const client = await ServerClient.open(admin, host);
  try {
    const known = (await client.runners()).find(({ id }) => id === registered?.runner);
    if (known) return known.name;
    const request = {
      name: 'paceline up',
      kind: 'registration',
      uses: 1,
      expiresSeconds: REGISTRATION_SECONDS,
    } as const;
    const { token } = await client.createToken({ ...request, scopes: [] });
    const { name } = await registerAgent({
      ...{ server: admin.url, token, name: machineRunnerName(), labels: [...config.agent.labels], ephemeral: false },
      ...{ replace: true, stateDirectory: state, network: networkSettings(config, host) },
    });
    return name;
  } finally {
    await client.close();
  }
}
