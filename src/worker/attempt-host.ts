import { join } from 'node:path';
import { allowingOnly } from '../actions/allowed-actions.ts';
import { type ActionStore, createActionStore } from '../actions/action-store.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import type { Clock } from '../kernel/clock.ts';
import type { JobMessage } from '../protocol/job-message.ts';
import type { WorkerOrder } from '../protocol/worker-link.ts';
import type { NodeRuntime } from '../steps/handler-options.ts';
import { prepareWorkspace } from './prepare-workspace.ts';
import { readDotenv } from './read-dotenv.ts';
import { runnerFacts } from './runner-facts.ts';
import { tokenOf } from './token-of.ts';
import type { WorkerHost } from './worker-host.ts';

/** What the process of a worker is, beside its order. */
export interface WorkerMachine {
  readonly clock: Clock;
  /** Of Paceline. */
  readonly version: string;
  readonly node: NodeRuntime;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** What steps inherit. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The message with everything masked that the order holds. */
export function messageOf({ message, checkout }: WorkerOrder): JobMessage {
  const token = checkout?.token ?? null;
  return token === null ? message : { ...message, masks: [...message.masks, token] };
}

/** The part of a job's host that comes out of the order and the configuration. */
export async function attemptHost(
  order: WorkerOrder,
  machine: WorkerMachine,
): Promise<Omit<WorkerHost, 'cancel' | 'kill' | 'log' | 'emit' | 'openLog'>> {
  const { platform, arch, ...rest } = machine;
  const config = order.config as RunnerConfig;
  const dotenv = await readDotenv(config.envFile).catch((error: unknown) => (error as Error).message);
  return {
    jobId: order.jobId,
    version: rest.version,
    node: rest.node,
    clock: rest.clock,
    runner: runnerFacts(order.runnerName, platform, arch),
    workspace: order.workspace,
    tempRoot: order.tempRoot,
    toolCache: config.toolCache ?? join(order.cacheDirectory, 'tools'),
    actions: actionsOf(order, config, machine),
    checkout: {
      kind: 'run-repository',
      repository: order.checkout,
      baseUrl: config.actions.baseUrl,
      offline: config.actions.offline,
    },
    config,
    baseEnvironment: rest.environment,
    dotenv: typeof dotenv === 'string' ? new Map<string, null>() : dotenv,
    logEvents: false,
    prepareWorkspace: async () =>
      typeof dotenv === 'string' ? dotenv : prepareWorkspace(order.workspace, order.clean),
  };
}

function actionsOf(
  { message, cacheDirectory, allowActions }: WorkerOrder,
  { actions, agent }: RunnerConfig,
  { clock, environment }: WorkerMachine,
): ActionStore {
  const { token } = message.contexts.github;
  const store = createActionStore({
    roots: actions.roots,
    cacheDirectory: actions.cacheDirectory ?? join(cacheDirectory, 'actions'),
    offline: actions.offline,
    baseUrl: actions.baseUrl,
    token: typeof token === 'string' && token !== '' ? token : tokenOf(message.contexts.secrets),
    environment,
    caFile: agent.caFile,
    clock,
  });
  return allowingOnly(allowActions, store);
}
