import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RunningAgent } from '../agent/start-agent.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import { openDiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { RunningServer } from '../server/running-server.ts';
import { machineRunnerName, proxySettings } from './agent-machine.ts';
import { ServerClient } from './client/server-client.ts';
import type { ServerChoice } from './client/server-choice.ts';
import type { CliHost } from './cli-host.ts';
import { configOf } from './config-of.ts';
import { inheritedEnvironment } from './inherited-environment.ts';

/** A server and an agent that run in this process. */
export interface UpPlane {
  readonly url: string;
  readonly admin: ServerChoice;
  readonly runner: string;
  readonly labels: readonly string[];
  /** What runs ends at once. */
  kill(): void;
  /** Cancels what runs, ends the agent, then the server. */
  stop(): Promise<void>;
}

export interface UpPlaneOptions {
  readonly directory: string;
  /** `HOST:PORT`; undefined: the port of the last time if it is free, else any. */
  readonly listen: string | undefined;
  readonly slots: number;
}

/** Has the port of the last time, so that an agent finds the server that it was registered with. */
const PORT_FILE = 'port';
const REGISTRATION_SECONDS = 600;

export async function startPlane({ directory, listen, slots }: UpPlaneOptions, host: CliHost): Promise<UpPlane> {
  const config = await configOf(undefined, host);
  const log = await openDiagnosticLog(config.log);
  const server = await startServer(config, join(directory, 'server'), listen, join(directory, PORT_FILE));
  try {
    const admin: ServerChoice = {
      url: server.url,
      token: (await readFile(server.adminTokenFile, 'utf8')).trim(),
      tokenSource: server.adminTokenFile,
    };
    const state = join(directory, 'agent');
    const runner = await ensureRegistered(admin, state);
    const agent = await startAgent(state);
    return {
      url: server.url,
      admin,
      runner,
      labels: ['self-hosted'],
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

  async function startServer(
    { server: settings, actions }: RunnerConfig,
    dataDirectory: string,
    given: string | undefined,
    portFile: string,
  ): Promise<RunningServer> {
    const { startServerHere } = await import('./commands/server.ts');
    const last = given === undefined ? await readFile(portFile, 'utf8').catch(() => '0') : '0';
    const start = (at: string): Promise<RunningServer> => {
      const own = { ...settings, listen: at, publicUrl: null, database: null, dataDirectory };
      return startServerHere({ config: { ...config, actions, server: own }, dataDirectory }, log, host, fail);
    };
    const started = await start(given ?? `127.0.0.1:${last.trim()}`).catch((error: unknown) => {
      if (given !== undefined || last === '0') throw error;
      return start('127.0.0.1:0');
    });
    await writeFile(portFile, String(started.port));
    return started;
  }

  function fail(error: Error): void {
    host.stderr.write(`The server cannot go on: ${error.message}\n`);
  }

  /** The runner of the last time, if it was registered with this address; else a new one in its place. */
  async function ensureRegistered(admin: ServerChoice, state: string): Promise<string> {
    const { agentStatus, registerAgent, removeAgent } = await import('./commands/agent.ts');
    const { registered } = await agentStatus(state);
    const client = await ServerClient.open(admin, host);
    try {
      const known = (await client.runners()).some(({ id }) => id === registered?.runner);
      if (registered !== null && registered.server === admin.url && known) return registered.name;
      if (registered !== null) await removeAgent(state, true);
      const request = { name: 'paceline up', kind: 'registration', scopes: [], uses: 1 } as const;
      const { token } = await client.createToken({ ...request, scopes: [], expiresSeconds: REGISTRATION_SECONDS });
      const { name } = await registerAgent({
        ...{ server: admin.url, token, name: machineRunnerName(), labels: config.agent.labels, ephemeral: false },
        ...{ replace: true, stateDirectory: state, proxy: proxySettings(host) },
      });
      return name;
    } finally {
      await client.close();
    }
  }

  async function startAgent(state: string): Promise<RunningAgent> {
    const { startAgent: start } = await import('./commands/agent.ts');
    return start({
      config: { ...config, agent: { ...config.agent, slots } },
      stateDirectory: state,
      runtimeDirectory: join(directory, 'run'),
      worker: host.self,
      environment: { HOME: homedir(), ...inheritedEnvironment(host.environment) },
      proxy: proxySettings(host),
      version: host.version,
      takeover: true,
      log,
    });
  }
}
