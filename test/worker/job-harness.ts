/** Runs jobs of plans on real processes, in folders of their own, and sees to it that nothing is left of them. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createActionStore } from '../../src/actions/action-store.ts';
import { AbortScope, type CancelCause } from '../../src/kernel/cancellation.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { SILENT_LOG } from '../../src/kernel/diagnostic-log.ts';
import type { JobEvent } from '../../src/protocol/events.ts';
import type { JobMessage } from '../../src/protocol/job-message.ts';
import type { StepPlan, StepsJobPlan, UsesStepPlan } from '../../src/protocol/plan.ts';
import type { JobReport, StepReport } from '../../src/protocol/report.ts';
import { runJob } from '../../src/worker/run-job.ts';
import { DEFAULT_RUNNER_CONFIG } from '../../src/config/runner-config.ts';
import type { WorkerHost } from '../../src/worker/worker-host.ts';
import { fg } from '../support/fake-job.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';

export function uses(id: string, action: string, keys: Partial<UsesStepPlan> = {}): UsesStepPlan {
  const { if: condition, env, timeoutMinutes, background, stopGrace, position, name, continueOnError, group } = fg(id);
  const base = { if: condition, env, timeoutMinutes, background, stopGrace, position, name, continueOnError, group };
  return { ...base, kind: 'uses', id, uses: action, with: {}, ...keys };
}

export interface JobOptions {
  readonly job?: Partial<StepsJobPlan>;
  readonly message?: Partial<Omit<JobMessage, 'contexts'>>;
  readonly contexts?: Partial<JobMessage['contexts']>;
  readonly host?: Partial<Omit<WorkerHost, 'config'>>;
  readonly config?: Partial<WorkerHost['config']>;
  /** Files of the workspace. */
  readonly hooks?: { readonly started?: string; readonly completed?: string };
  /** Written into the workspace first, by relative path. */
  readonly files?: Readonly<Record<string, string>>;
  /** The same below a folder in which actions are looked up. */
  readonly actions?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

export interface FinishedJob {
  readonly report: JobReport;
  readonly events: readonly JobEvent[];
  /** `NAME` or `NAME reason` for each step. */
  readonly steps: readonly string[];
  readonly workspace: string;
  step(nameOrId: string): StepReport;
  log(nameOrId: string): string;
  /** Messages of the annotations of a step. */
  said(nameOrId: string): string[];
}

export interface StartedJob {
  readonly events: readonly JobEvent[];
  readonly workspace: string;
  cancel(cause?: CancelCause): void;
  kill(): void;
  /** Resolves when some step has printed the text. */
  printed(text: string): Promise<void>;
  readonly finished: Promise<FinishedJob>;
}

export async function runPlan(steps: readonly StepPlan[], options: JobOptions = {}): Promise<FinishedJob> {
  return (await startPlan(steps, options)).finished;
}

/** Its processes, its temporary folder and its timers are gone when it has finished, else `finished` rejects. */
export async function startPlan(steps: readonly StepPlan[], options: JobOptions = {}): Promise<StartedJob> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'paceline-worker-')));
  roots.push(root);
  const [workspace, tempRoot] = [join(root, 'work', 'repo'), join(root, 'temp')];
  for (const folder of [workspace, tempRoot]) await mkdir(folder, { recursive: true });
  await writeFiles(workspace, options.files);
  await writeFiles(join(root, 'actions'), options.actions);
  const marker = randomUUID();
  const cancel = new AbortScope();
  const kill = new AbortScope();
  const events: JobEvent[] = [];
  const logs = new Map<number, string>();
  const watchers = new Set<() => void>();
  const { clock = systemClock } = options;
  const host: WorkerHost = {
    jobId: marker.slice(0, 8),
    version: '1.2.3',
    node: { path: process.execPath, version: process.versions.node },
    runner: { name: 'tester', os: 'Linux', arch: 'X64', environment: 'self-hosted' },
    workspace,
    tempRoot,
    toolCache: join(root, 'tools'),
    actions: createActionStore({
      roots: [join(root, 'actions')],
      cacheDirectory: join(root, 'cache'),
      offline: true,
      baseUrl: 'https://example.invalid',
      token: null,
      environment: {},
      caFile: null,
      clock: systemClock,
    }),
    checkout: { kind: 'as-any-action' },
    config: {
      ...DEFAULT_RUNNER_CONFIG,
      hooks: {
        jobStarted: options.hooks?.started === undefined ? null : join(workspace, options.hooks.started),
        jobCompleted: options.hooks?.completed === undefined ? null : join(workspace, options.hooks.completed),
      },
      ...options.config,
    },
    baseEnvironment: { PATH: process.env.PATH ?? '', [MARKER]: marker },
    dotenv: new Map(),
    cancel: cancel.signal,
    kill: kill.signal,
    clock,
    log: SILENT_LOG,
    logEvents: false,
    emit: (event) => void events.push(event),
    openLog: (number) => (lines) => {
      logs.set(number, (logs.get(number) ?? '') + lines.toString());
      for (const look of watchers) look();
    },
    ...options.host,
  };
  const finish = async (): Promise<FinishedJob> => {
    const report = await runJob(messageOf(steps, options, workspace), host);
    const living = await livingWith(marker);
    if (living.length > 0) throw new Error(`still living: ${living.map(({ name }) => name).join(', ')}`);
    const files = await readdir(tempRoot);
    if (files.length > 0) throw new Error(`left in the temporary folder: ${files.join(', ')}`);
    return finished(report, events, logs, workspace);
  };
  return {
    events,
    workspace,
    cancel: (cause = 'user') => cancel.cancel(cause),
    kill: () => kill.cancel('user'),
    printed: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (![...logs.values()].some((log) => log.includes(text))) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    finished: finish(),
  };
}

const roots: string[] = [];

/** For `afterAll`. */
export async function removeJobFolders(): Promise<void> {
  for (const root of roots.splice(0)) await rm(root, { recursive: true, force: true });
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text, { mode: 0o755 });
  }
}

export function messageOf(steps: readonly StepPlan[], options: JobOptions, workspace: string): JobMessage {
  const none = { shell: null, workingDirectory: null };
  const job: StepsJobPlan = {
    kind: 'steps',
    id: 'build',
    position: { file: 'ci.yml', line: 1, column: 1 },
    name: null,
    needs: [],
    if: null,
    strategy: null,
    concurrency: null,
    permissions: null,
    runsOn: 'any',
    environment: null,
    env: {},
    defaults: none,
    outputs: {},
    timeoutMinutes: null,
    continueOnError: null,
    container: null,
    services: null,
    steps,
    ...options.job,
  };
  return {
    runId: '1',
    key: 'build',
    displayName: 'Build',
    instance: 0,
    attempt: 1,
    job,
    env: [{}, job.env],
    defaults: [none, job.defaults],
    timeoutMinutes: null,
    contexts: {
      github: { repository: 'o/r', ref: 'refs/heads/main', event_name: 'push', workflow: 'CI', workspace, token: '' },
      vars: {},
      secrets: {},
      inputs: {},
      needs: {},
      strategy: {},
      matrix: null,
      ...options.contexts,
    },
    event: { action: 'opened' },
    masks: [],
    ...options.message,
  };
}

function finished(
  report: JobReport,
  events: readonly JobEvent[],
  logs: ReadonlyMap<number, string>,
  workspace: string,
): FinishedJob {
  const step = (nameOrId: string): StepReport => {
    const found = report.steps.find(({ id, name }) => id === nameOrId || name === nameOrId);
    if (!found) throw new Error(`no step ${nameOrId} among ${report.steps.map(({ name }) => name).join(', ')}`);
    return found;
  };
  return {
    report,
    events,
    workspace,
    steps: report.steps.map(({ id, name, conclusion, reason }) => {
      return `${id ?? name}: ${String(conclusion)}${reason === null ? '' : ` (${reason})`}`;
    }),
    step,
    log: (nameOrId) => logs.get(step(nameOrId).number) ?? '',
    said: (nameOrId) => step(nameOrId).annotations.map(({ message }) => message),
  };
}
