import { lstat, mkdir, chmod } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { budgetsOf } from '../config/budgets.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { Failpoint } from '../kernel/failpoint.ts';
import { Agent } from './agent.ts';
import type { AgentExit } from './agent-exit.ts';
import { AgentProblem } from './agent-problem.ts';
import type { AgentSettings } from './agent-settings.ts';
import { ATTEMPTS_FOLDER, writeStatus } from './agent-status.ts';
import { openAttemptFolders } from './attempt-folders.ts';
import { bootClock } from '../kernel/boot-clock.ts';
import { checkHealth } from './check-health.ts';
import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import { failingPorts } from './failing-ports.ts';
import { openHttpApi } from './http-api.ts';
import { keysOf, readIdentity, removeIdentity, type RunnerIdentity } from './identity.ts';
import { machineId } from './machine-id.ts';
import { runnerLabels } from './runner-labels.ts';
import { lockState } from './state-lock.ts';
import { workerProcesses } from './worker-processes.ts';

export interface StartAgentOptions {
  readonly config: RunnerConfig;
  /** Absolute; where `registerAgent` put the runner's credentials. */
  readonly stateDirectory: string;
  /** Short and of mode 0700, such as below XDG_RUNTIME_DIR: sockets have at most 108 bytes of path. Is made if needed. */
  readonly runtimeDirectory: string;
  /** What is started for each job, with `worker` as last argument. */
  readonly worker: { readonly command: string; readonly args: readonly string[] };
  /** Of the workers. */
  readonly environment: Readonly<Record<string, string>>;
  readonly network: NetworkSettings;
  readonly version: string;
  /** End a live session of another machine. */
  readonly takeover: boolean;
  readonly log: DiagnosticLog;
  /** Called once, at the first session with the server. */
  readonly connected?: () => void;
  /** Default: this machine's, with the time that it was suspended. */
  readonly clock?: Clock;
  /** Where a test ends the process. */
  readonly failpoint?: Failpoint | null;
}

export interface RunningAgent {
  /** Takes no more work, ends when what runs has ended, at the latest when the drain's time is over. */
  drain(): void;
  /** Drains, and cancels what runs: its post steps run. */
  cancel(): void;
  /** Kills what runs, says so to the server if it answers soon, and ends. */
  kill(): void;
  readonly finished: Promise<AgentExit>;
}

/** The agent's loops come before the jobs', or a busy machine would miss its renewals. Needs a privilege; done without. */
const PRIORITY = -5;
const MB = 1024 * 1024;

/** Rejects with an {@link AgentProblem} where there are no credentials, or another agent has the folder. */
export async function startAgent(options: StartAgentOptions): Promise<RunningAgent> {
  const { config, stateDirectory, runtimeDirectory, environment, log, clock = bootClock() } = options;
  const identity = await readIdentity(stateDirectory);
  if (identity === null)
    throw new AgentProblem(
      'usage',
      `No runner is registered in ${stateDirectory}. Run \`paceline agent register\` first, or the ./config.sh of an installed runner.`,
    );
  const unlock = await lockState(stateDirectory);
  try {
    await ownFolder(runtimeDirectory);
    prefer();
    const attempts = join(stateDirectory, ATTEMPTS_FOLDER);
    const server = config.agent.server ?? identity.server;
    const api = await openHttpApi(server, options.network, options.version, { clock, log });
    let isConnected = false;
    const status = statusWriter(stateDirectory, clock, log);
    const { minFreeDiskMb, healthScript } = config.agent;
    const health = { directory: stateDirectory, minFreeBytes: minFreeDiskMb * MB, script: healthScript, environment };
    const folders = { attempts, stateDirectory, runtimeDirectory };
    const workers = workerProcesses({ ...options.worker, ...folders, environment, config, clock, log });
    const ports = { api, attempts: await openAttemptFolders(attempts, clock, log), workers };
    const agent = new Agent(
      {
        ...(options.failpoint ? failingPorts(ports, options.failpoint) : ports),
        clock,
        random: Math.random,
        keys: keysOf(identity),
        health: () => checkHealth(health),
        report: (told) => {
          if (told.session !== null && !isConnected) {
            isConnected = true;
            options.connected?.();
          }
          status.report(told);
        },
        log,
      },
      await settingsOf(options, identity),
    );
    workers.keepSpare();
    const finished = agent.run().then(async (exit) => {
      if (exit.kind === 'consumed' && !exit.unsent) await removeIdentity(stateDirectory);
      return exit;
    });
    return {
      drain: () => agent.drain(),
      cancel: () => agent.cancel(),
      kill: () => agent.kill(),
      finished: finished.finally(async () => {
        await Promise.all([workers.close(), api.close(), status.written()]);
        unlock();
      }),
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function settingsOf(
  { config, version, takeover }: StartAgentOptions,
  { runner, name, labels, withoutDefaultLabels, ephemeral }: RunnerIdentity,
): Promise<AgentSettings> {
  const { agent } = config;
  const { cancelTimeoutMs, tearDownMs } = budgetsOf(config);
  const all = [...labels, ...agent.labels];
  const seconds = (value: number): number => value * MS_PER_SECOND;
  return {
    runner,
    name,
    version,
    takeover,
    machineId: await machineId(),
    slots: agent.slots,
    labels: withoutDefaultLabels === true ? all : runnerLabels(process.platform, process.arch, all),
    ephemeral: ephemeral || agent.ephemeral,
    allowRepositories: agent.allowRepositories,
    allowActions: agent.allowActions,
    healthIntervalMs: seconds(agent.healthIntervalSeconds),
    spoolBytes: agent.spoolMb * MB,
    drainTimeoutMs: seconds(agent.drainTimeoutSeconds),
    idleTimeoutMs: agent.idleTimeoutSeconds === null ? null : seconds(agent.idleTimeoutSeconds),
    flushTimeoutMs: seconds(agent.flushTimeoutSeconds),
    keepJournalMs: seconds(agent.keepJournalSeconds),
    cancelTimeoutMs: cancelTimeoutMs + tearDownMs,
    forceTimeoutMs: tearDownMs,
    config,
  };
}

const MS_PER_SECOND = 1_000;

/** Sockets are found there again by whoever may enter: that is us alone. */
async function ownFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const facts = await lstat(path);
  if (!facts.isDirectory() || (process.getuid && facts.uid !== process.getuid()))
    throw new AgentProblem(
      'usage',
      `The folder ${path} belongs to somebody else. Set XDG_RUNTIME_DIR to one of your own.`,
    );
  await chmod(path, 0o700);
}

function prefer(): void {
  try {
    setPriority(PRIORITY);
  } catch {
    // Not permitted: then it is one among the others.
  }
}

/** One write at a time; what came up meanwhile is the next. */
function statusWriter(stateDirectory: string, clock: Clock, log: DiagnosticLog) {
  let writing = Promise.resolve();
  return {
    report: (status: Parameters<typeof writeStatus>[1]['status']): void => {
      writing = writing
        .then(() => writeStatus(stateDirectory, { writtenAt: clock.now(), status }))
        .catch((error: unknown) => log.debug(`status cannot be written: ${String(error)}`));
    },
    written: (): Promise<void> => writing,
  };
}
