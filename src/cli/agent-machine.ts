import { createHash } from 'node:crypto';
import { homedir, hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import { proxySettingsOf } from '../kernel/proxy-choice.ts';
import type { CliHost } from './cli-host.ts';
import { inheritedEnvironment } from './inherited-environment.ts';
import { places } from './places.ts';

/** Where the agent keeps its credentials and what it does: `--state`, the configuration, the account's place. */
export function stateDirectory(given: string | undefined, config: RunnerConfig, host: CliHost): string {
  if (given !== undefined) return resolve(host.directory, given);
  return config.agent.stateDirectory ?? places(host).agentState;
}

/**
 * For sockets: in the state where its path is short enough for them, else in a folder that is, the same at each start.
 * Temporary folders are tidied by others, who do not know what is still in use.
 */
export function runtimeDirectory(state: string, { environment }: Pick<CliHost, 'environment'>): string {
  const inState = join(state, 'run');
  if (Buffer.byteLength(inState) <= MAX_SOCKET_FOLDER_BYTES) return inState;
  const name = createHash('sha256').update(state).digest('hex').slice(0, 8);
  const base = environment.XDG_RUNTIME_DIR || environment.TMPDIR || tmpdir();
  return join(base, `paceline-${name}`);
}

/** Of the 104 that macOS has for a socket's path, less those for `/`, a process's number and `.sock`. */
const MAX_SOCKET_FOLDER_BYTES = 85;

/** How an agent reaches its server: proxies are those of the environment, certificates those of the configuration. */
export function networkSettings(
  { agent }: RunnerConfig,
  { environment }: Pick<CliHost, 'environment'>,
): NetworkSettings {
  const { caFile, clientCertificateFile, clientKeyFile } = agent;
  const extraCaFile = environment.NODE_EXTRA_CA_CERTS || null;
  return {
    proxy: proxySettingsOf(environment),
    tls: { caFile, clientCertificateFile, clientKeyFile, extraCaFile },
  };
}

/** A name that a server takes, made of that of the machine. */
export function machineRunnerName(): string {
  return (
    hostname()
      .replace(/[^\w.-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 100) || 'runner'
  );
}

/**
 * What jobs inherit: nothing of what opens the server or its database to whoever started the agent, and nothing that a
 * service manager says to the agent alone.
 */
export function agentEnvironment({ environment }: Pick<CliHost, 'environment'>): Record<string, string> {
  const inherited = Object.entries(inheritedEnvironment(environment));
  const forJobs = inherited.filter(([name]) => !OF_THE_SERVER.test(name) && !OF_A_SERVICE_MANAGER.test(name));
  return { HOME: homedir(), ...Object.fromEntries(forJobs) };
}

const OF_THE_SERVER = /^PACELINE_(?:TOKEN|SERVER|JIT_CONFIG)/i;
const OF_A_SERVICE_MANAGER =
  /^(?:NOTIFY_SOCKET|WATCHDOG_\w+|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|MAINPID|FDSTORE|LISTEN_\w+|MEMORY_PRESSURE_\w+|(?:RUNTIME|STATE|CACHE|LOGS|CONFIGURATION|CREDENTIALS)_DIRECTORY|XPC_\w+)$/;
