import { createHash } from 'node:crypto';
import { homedir, hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NetworkSettings } from '../agent/connections.ts';
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
 * For sockets, whose paths may have 108 bytes at most: short, and the same at each start, because workers that outlived
 * an agent are found there.
 */
export function runtimeDirectory(state: string, { environment }: Pick<CliHost, 'environment'>): string {
  const name = createHash('sha256').update(state).digest('hex').slice(0, 8);
  const base = environment.XDG_RUNTIME_DIR || environment.TMPDIR || tmpdir();
  return join(base, `paceline-${name}`);
}

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

/** What jobs inherit: nothing of what opens the server or its database to whoever started the agent. */
export function agentEnvironment({ environment }: Pick<CliHost, 'environment'>): Record<string, string> {
  const inherited = Object.entries(inheritedEnvironment(environment));
  return { HOME: homedir(), ...Object.fromEntries(inherited.filter(([name]) => !OF_THE_SERVER.test(name))) };
}

const OF_THE_SERVER = /^PACELINE_(?:TOKEN|SERVER)/i;
