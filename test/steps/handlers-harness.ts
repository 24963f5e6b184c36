/**
 * Steps of one job through the real handlers: real processes, real files, a real log. Only the workspace and the
 * contexts are made up.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createActionStore, type ActionStoreOptions } from '../../src/actions/action-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createProcessHost } from '../../src/process/process-host.ts';
import type { ProcessHost } from '../../src/process/running-process.ts';
import type { Json } from '../../src/protocol/job-message.ts';
import type { ActionStepPlan, RunStepPlan, UsesStepPlan } from '../../src/protocol/plan.ts';
import type { Annotation } from '../../src/protocol/report.ts';
import { createStepHandlers, type JobHandlers } from '../../src/steps/create-handlers.ts';
import { createHashFiles } from '../../src/steps/hash-files.ts';
import type { StepHandlerOptions } from '../../src/steps/handler-options.ts';
import { JobState } from '../../src/steps/job-state.ts';
import { Masker } from '../../src/steps/masker.ts';
import { MatcherSet } from '../../src/steps/matcher-set.ts';
import { openStepLog } from '../../src/steps/open-step-log.ts';
import { runStep } from '../../src/steps/run-step.ts';
import type { StepEnd } from '../../src/steps/step-end.ts';
import { taskOfStage, type StepFrame, type StepTask } from '../../src/steps/step-frame.ts';
import type { ActionStage } from '../../src/steps/step-handler.ts';
import { StepStop } from '../../src/steps/step-stop.ts';

export interface JobOptions {
  /** Files of the workspace, by relative path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly contexts?: Readonly<Record<string, Json>>;
  readonly store?: Partial<ActionStoreOptions>;
  readonly handlers?: Partial<StepHandlerOptions>;
}

export interface RanStep extends StepEnd {
  readonly log: string;
  /** Without the header. */
  readonly printed: readonly string[];
  readonly annotations: readonly Annotation[];
  /** `error: message` and so on. */
  readonly messages: readonly string[];
}

export interface RunningStep {
  readonly stop: StepStop;
  readonly ended: Promise<RanStep>;
  /** Resolves when the text is in the log. */
  logged(text: string): Promise<void>;
}

export interface TestJob {
  readonly workspace: string;
  readonly tempDirectory: string;
  readonly state: JobState;
  readonly masker: Masker;
  readonly handlers: JobHandlers;
  readonly processes: ProcessHost;
  readonly start: (plan: ActionStepPlan) => RunningStep;
  readonly run: (plan: ActionStepPlan) => Promise<RanStep>;
  readonly runStage: (stage: ActionStage) => Promise<RanStep>;
  /** In the order in which a job runs them. */
  readonly runPosts: () => Promise<RanStep[]>;
  /** Ends what is left and removes the folders. */
  dispose(): Promise<void>;
}

const PLAN = {
  position: { file: 'workflow.yml', line: 1, column: 1 },
  ...{ name: null, continueOnError: null, group: null, if: null, env: {}, timeoutMinutes: null, background: false },
  stopGrace: null,
} as const;

export function runPlan(run: string, more: Partial<RunStepPlan> = {}): RunStepPlan {
  return { ...PLAN, kind: 'run', id: '__run', run, shell: null, workingDirectory: null, ...more };
}

export function usesPlan(uses: string, more: Partial<UsesStepPlan> = {}): UsesStepPlan {
  return { ...PLAN, kind: 'uses', id: '__uses', uses, with: {}, ...more };
}

export const GITHUB = {
  ...{
    repository: 'octo/repo',
    ref: 'refs/heads/main',
    ref_name: 'main',
    sha: '0123456789012345678901234567890123456789',
  },
  ...{ token: 'the-token', actor: 'ada', event: { secret: 'in the event' }, job: 'build' },
};

export async function openJob(options: JobOptions = {}): Promise<TestJob> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'paceline-handlers-')));
  const workspace = join(root, 'workspace');
  const tempDirectory = join(root, 'temp');
  await mkdir(workspace);
  await mkdir(tempDirectory);
  await writeFiles(workspace, options.files ?? {});
  const jobId = randomUUID();
  const processes = await createProcessHost({
    ...{ jobId, tempDirectory: root, clock: systemClock, cgroups: false, oomScoreAdj: null },
  });
  const masker = new Masker();
  const environment = { PATH: process.env.PATH ?? '', HOME: root, ...options.env };
  const hashFiles = createHashFiles({ workspace, clock: systemClock });
  const handlers = createStepHandlers({
    ...{ jobId, workspace, tempDirectory, hashFiles, clock: systemClock },
    baseEnvironment: environment,
    event: { number: 1 },
    defaults: { shell: null, workingDirectory: null },
    actions: createActionStore({
      ...{ roots: [], cacheDirectory: join(root, 'cache'), offline: true, baseUrl: 'http://localhost:9', token: null },
      ...{ clock: systemClock, environment, caFile: null, ...options.store },
    }),
    checkout: { kind: 'in-place', repository: null, baseUrl: 'http://localhost:9', offline: true },
    node: { path: process.execPath, version: process.versions.node },
    nodeRuntimes: {},
    mask: (text) => masker.mask(text),
    requestOfFlow: () => undefined,
    ...options.handlers,
  });
  const state = new JobState({ env: new Map(), path: [], jobStatus: null });
  const contexts = { github: GITHUB, runner: { os: 'Linux', temp: tempDirectory }, job: {}, ...options.contexts };
  const frame: StepFrame = {
    ...{ state, contexts: () => contexts, hashFiles, processes, clock: systemClock, graceMs: null },
    ladder: { interruptMs: 1_000, terminateMs: 1_000 },
  };
  const matchers = new MatcherSet();
  let number = 0;

  function startTask(task: StepTask, publishAs: string | null): RunningStep {
    let text = '';
    const annotations: Annotation[] = [];
    const watchers = new Set<() => void>();
    const log = openStepLog({
      ...{ masker, matchers, debug: false, workspace },
      sink: (lines) => {
        text += lines.toString();
        for (const watcher of [...watchers]) watcher();
      },
      onAnnotation: (annotation) => annotations.push(annotation),
    });
    const stop = new StepStop(null, null);
    const key = String(++number);
    const ended = runStep(task, { frame, key, log, stop }).then((end) => {
      stop.dispose();
      state.commit(publishAs, end);
      state.fold(end.conclusion);
      return { ...end, log: text, printed: printedIn(text), annotations, messages: messagesOf(annotations) };
    });
    return {
      stop,
      ended,
      logged: (wanted) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            if (!text.includes(wanted)) return;
            watchers.delete(look);
            resolve();
          };
          watchers.add(look);
          void ended.then(() => reject(new Error(`ended without '${wanted}': ${text}`)));
          look();
        }),
    };
  }

  const start = (plan: ActionStepPlan): RunningStep =>
    startTask(
      {
        plan,
        displayName: null,
        condition: { kind: 'if', text: plan.if },
        run: (scope) => (plan.kind === 'run' ? handlers.run(plan, scope) : handlers.uses(plan, scope)),
      },
      plan.id,
    );
  const runStage = (stage: ActionStage): Promise<RanStep> => startTask(taskOfStage(stage), null).ended;
  return {
    ...{ workspace, tempDirectory, state, masker, handlers, processes, start, runStage },
    run: (plan) => start(plan).ended,
    async runPosts() {
      const ran: RanStep[] = [];
      for (const stage of [...handlers.postStages()].reverse()) ran.push(await runStage(stage));
      return ran;
    },
    async dispose() {
      await processes.endLeftovers();
      await processes.dispose();
      await rm(root, { recursive: true, force: true });
    },
  };
}

export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content, { mode: content.startsWith('#!') ? 0o755 : 0o644 });
  }
}

function printedIn(log: string): string[] {
  const lines = log.split('\n').slice(0, -1);
  return lines.slice(lines.indexOf('##[endgroup]') + 1).filter((line) => !line.startsWith('##['));
}

function messagesOf(annotations: readonly Annotation[]): string[] {
  return annotations.map(({ level, message }) => `${level}: ${message}`);
}
