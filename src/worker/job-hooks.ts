import { stat } from 'node:fs/promises';
import { extname, isAbsolute } from 'node:path';
import type { RunStepPlan } from '../protocol/plan.ts';
import { failed } from '../steps/handler-result.ts';
import type { StepHandlerOptions } from '../steps/handler-options.ts';
import { annotation } from '../steps/own-annotation.ts';
import { resolveShell } from '../steps/shells.ts';
import type { StepTask } from '../steps/step-frame.ts';
import type { HandlerResult } from '../steps/step-handler.ts';
import { writeHeader } from '../steps/step-header.ts';
import { StepProcesses } from '../steps/step-processes.ts';
import type { StepScope } from '../steps/step-scope.ts';
import type { WorkerHost } from './worker-host.ts';

export interface JobHook {
  readonly name: 'Set up runner' | 'Complete runner';
  /** Absolute path of the script. */
  readonly script: string;
}

/** The scripts that whoever keeps the runner wants run around every job (runner-behaviour 1.12). */
export function jobHooks(
  { hooks }: Pick<WorkerHost['config'], 'hooks'>,
  environment: Readonly<Record<string, string>>,
): { readonly started: JobHook | null; readonly completed: JobHook | null } {
  const started = hooks.jobStarted ?? environment.ACTIONS_RUNNER_HOOK_JOB_STARTED ?? '';
  const completed = hooks.jobCompleted ?? environment.ACTIONS_RUNNER_HOOK_JOB_COMPLETED ?? '';
  return {
    started: started === '' ? null : { name: 'Set up runner', script: started },
    completed: completed === '' ? null : { name: 'Complete runner', script: completed },
  };
}

/**
 * A hook as a step: with the environment and the file commands of one, in the workspace, whatever became of the job. It
 * has no time limit, and its failure fails the job.
 */
export function hookTask(hook: JobHook, options: StepHandlerOptions): StepTask {
  const processes = new StepProcesses(options);
  return {
    plan: HOOK_PLAN,
    displayName: hook.name,
    condition: { kind: 'verbatim', text: 'always()' },
    run: (scope) => runHook(hook, scope, options, processes),
  };
}

const HOOK_PLAN: RunStepPlan = {
  kind: 'run',
  id: '__hook',
  position: { file: '', line: 1, column: 1 },
  name: null,
  if: 'always()',
  run: '',
  shell: null,
  workingDirectory: null,
  env: {},
  background: false,
  continueOnError: null,
  timeoutMinutes: null,
  stopGrace: null,
  group: null,
};

async function runHook(
  { name, script }: JobHook,
  scope: StepScope,
  options: StepHandlerOptions,
  processes: StepProcesses,
): Promise<HandlerResult> {
  const { log } = scope;
  const when = name === 'Set up runner' ? 'started' : 'completed';
  log.line(`A job ${when} hook has been configured by the administrator of this runner.`);
  if (!isAbsolute(script)) return failed(log, 'start-failed', `The path of a job hook must be absolute: '${script}'.`);
  if (!(await isFile(script))) return failed(log, 'start-failed', `File doesn't exist: '${script}'.`);
  const found = await findCommand(script, processes.environment.path(scope), options);
  if (typeof found === 'string') return failed(log, 'start-failed', found);
  writeHeader(log, { script: `'${script}'`, shell: found.shown, env: scope.env });
  const { command, args } = found;
  const launch = { command, args, cwd: options.workspace, script: null, own: {}, github: { action: HOOK_PLAN.id } };
  const result = await processes.run(scope, launch);
  if (result.outcome === 'failure' && result.exitCode !== null && result.exitCode !== 0)
    log.annotate(annotation('error', `Process completed with exit code ${result.exitCode}.`));
  // It has no id under which anybody could read outputs.
  return { ...result, effects: { ...result.effects, outputs: new Map() } };
}

interface HookCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly shown: string;
}

/** By extension, without `pipefail` (runner-behaviour 1.12). A sentence when there is none. */
async function findCommand(
  script: string,
  path: string,
  { node, workspace }: StepHandlerOptions,
): Promise<HookCommand | string> {
  switch (extname(script).toLowerCase()) {
    case '.js':
      return { command: node.path, args: [script], shown: `${node.path} {0}` };
    case '.sh':
      return firstShell(['bash -e {0}', 'sh -e {0}'], script, path, workspace);
    case '.ps1':
      return firstShell(['pwsh', 'powershell'], script, path, workspace);
    default:
      return `'${script}' is not a valid job hook: it has to end in .sh, .ps1 or .js.`;
  }
}

async function firstShell(
  shells: readonly string[],
  script: string,
  path: string,
  cwd: string,
): Promise<HookCommand | string> {
  let problem = '';
  for (const shell of shells) {
    const found = await resolveShell(shell, { path, cwd, platform: process.platform });
    if (found.kind === 'shell') {
      const { command, shown } = found;
      return { command, args: found.argumentsFor(script), shown };
    }
    problem = found.message;
  }
  return problem;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
