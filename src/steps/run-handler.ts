import { resolve } from 'node:path';
import { evaluateText, evaluateWithHashes, ExpressionError } from '../expressions/evaluate.ts';
import type { RunStepPlan } from '../protocol/plan.ts';
import type { ShellDefaults, StepHandlerOptions } from './handler-options.ts';
import { failed, STOPPED } from './handler-result.ts';
import { annotation } from './own-annotation.ts';
import { resolveShell } from './shells.ts';
import type { HandlerResult, StepHandler } from './step-handler.ts';
import { writeHeader } from './step-header.ts';
import { unprepared, type StepProcesses } from './step-processes.ts';
import type { StepScope } from './step-scope.ts';

/**
 * Runs the script of a `run` step. `run`, `shell` and `working-directory` are evaluated now, when the step has its slot.
 * @param defaults Null inside a composite action, which the defaults of a job do not reach.
 */
export function createRunHandler(
  options: StepHandlerOptions,
  processes: StepProcesses,
  defaults: ShellDefaults | null,
): StepHandler<RunStepPlan> {
  return async (step, scope) => {
    let script: EvaluatedScript;
    try {
      script = await evaluateWithHashes({ contexts: scope.contexts }, options.hashFiles, (input) => ({
        text: evaluateText(step.run, input),
        shell: evaluateText(step.shell, input) || (defaults?.shell ?? ''),
        directory: evaluateText(step.workingDirectory, input) || (defaults?.workingDirectory ?? ''),
      }));
    } catch (error) {
      if (error instanceof ExpressionError) return failed(scope.log, 'condition-error', error.message);
      throw error;
    }
    return scope.signal.aborted ? STOPPED : runScript(step, script, scope, options, processes);
  };
}

interface EvaluatedScript {
  readonly text: string;
  readonly shell: string;
  readonly directory: string;
}

async function runScript(
  step: RunStepPlan,
  { text, shell, directory }: EvaluatedScript,
  scope: StepScope,
  { workspace }: StepHandlerOptions,
  processes: StepProcesses,
): Promise<HandlerResult> {
  const { log } = scope;
  const cwd = resolve(workspace, directory);
  const path = processes.environment.path(scope);
  // A custom shell may be named relative to the workspace, whatever the working directory.
  const found = await resolveShell(shell, { path, cwd: workspace, platform: process.platform });
  if (found.kind === 'problem') {
    writeHeader(log, { script: text, shell, env: scope.env });
    return failed(log, 'start-failed', found.message);
  }
  writeHeader(log, { script: text, shell: found.shown, env: scope.env });
  let file: string;
  try {
    file = processes.files.writeScript(scope.key, found.extension, found.wrap(text));
  } catch (error) {
    return unprepared(scope, error);
  }
  const result = await processes.run(scope, {
    command: found.command,
    args: found.argumentsFor(file),
    cwd,
    script: file,
    own: {},
    github: { action: step.id },
  });
  if (result.outcome === 'failure' && result.exitCode !== null && result.exitCode !== 0)
    log.annotate(annotation('error', `Process completed with exit code ${result.exitCode}.`));
  return result;
}
