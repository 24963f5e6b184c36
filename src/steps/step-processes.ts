import type { ProcessExit, RunningProcess } from '../process/running-process.ts';
import type { FileCommandResult } from './file-commands.ts';
import type { StepHandlerOptions } from './handler-options.ts';
import { failed, STOPPED } from './handler-result.ts';
import { annotation } from './own-annotation.ts';
import { secretFreeFlow } from './secret-free-flow.ts';
import { type FlowEffects, NO_EFFECTS, NO_FLOW } from './step-effects.ts';
import { StepEnvironment } from './step-environment.ts';
import { StepFiles } from './step-files.ts';
import type { HandlerResult } from './step-handler.ts';
import type { CapturedCommands, StepLog } from './step-log.ts';
import type { StepScope } from './step-scope.ts';

export interface StepLaunch {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** What `writeScript` returned, for a process that runs a script of its step; null for any other. */
  readonly script: string | null;
  /** `STATE_*`, `INPUT_*` and the like: over the step's `env`. */
  readonly own: Readonly<Record<string, string>>;
  /** Keys of the `github` context that are this step's own: `action` and the like. */
  readonly github: Readonly<Record<string, string>>;
}

export interface ProcessResult extends HandlerResult {
  /** What `GITHUB_STATE` and `save-state` say. */
  readonly state: ReadonlyMap<string, string>;
}

/** Runs the process of a step with the environment and the files that steps have. One per job. */
export class StepProcesses {
  readonly files: StepFiles;
  readonly environment: StepEnvironment;
  readonly #options: StepHandlerOptions;

  constructor(options: StepHandlerOptions) {
    this.#options = options;
    this.files = new StepFiles(options.tempDirectory, options.event);
    this.environment = new StepEnvironment(options);
  }

  /** `reason` is null where an exit code says it all. Never rejects for what a step does, nor for a full disk. */
  async run(scope: StepScope, launch: StepLaunch): Promise<ProcessResult> {
    if (scope.signal.aborted) return { ...STOPPED, state: new Map() };
    try {
      return await this.#run(scope, launch);
    } catch (error) {
      return { ...unprepared(scope, error), state: new Map() };
    }
  }

  async #run(scope: StepScope, { command, args, cwd, script, own, github }: StepLaunch): Promise<ProcessResult> {
    const { log, ladder } = scope;
    const files = await this.files.open(scope.key);
    const env = this.environment.of(scope, own, { ...github, event_path: files.event });
    Object.assign(env, files.commands.variables, files.commands.flowVariables);
    const output = log.openOutput({
      allowUnsecureCommands: isTrue(env.ACTIONS_ALLOW_UNSECURE_COMMANDS),
      allowUnsecureStopTokens: isTrue(env.ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS),
    });
    const started = scope.processes.start({
      command,
      args,
      cwd,
      env,
      ladder,
      onOutput: (block) => output.write(block),
    });
    const exit = await untilExit(started, scope);
    const captured = output.end();
    const written = await files.commands.read();
    if (hasLeftNothing(started)) this.files.giveBack(files, script);
    return this.#result(exit, captured, written, log);
  }

  /** What was written to files outranks what was printed. */
  #result(exit: ProcessExit, captured: CapturedCommands, written: FileCommandResult, log: StepLog): ProcessResult {
    const { effects, state, summary } = written;
    const end = endOf(exit, log);
    // Half a line in a file is no error of a step that was ended.
    if (end.outcome !== 'stopped') for (const problem of written.problems) log.annotate(annotation('error', problem));
    const flow = this.#sayToFlow(written, log);
    const refused = end.outcome === 'success' && (written.failed || captured.failed);
    return {
      ...end,
      ...(refused ? { outcome: 'failure', reason: 'command-error' } : {}),
      effects: {
        outputs: new Map([...captured.outputs, ...effects.outputs]),
        env: new Map([...captured.env, ...effects.env]),
        path: [...captured.path, ...effects.path],
        ...(flow === null ? {} : { flow }),
      },
      state: new Map([...captured.state, ...state]),
      summary: summary === null ? null : this.#options.mask(summary),
    };
  }

  /** Requests take effect now, also of a background step: they change other jobs, not this one. */
  #sayToFlow({ requests, effects }: FileCommandResult, log: StepLog): FlowEffects | null {
    const { mask, requestOfFlow } = this.#options;
    if (requests.length === 0 && !effects.flow) return null;
    const clean = secretFreeFlow(requests, effects.flow ?? NO_FLOW, mask);
    for (const warning of clean.warnings) log.annotate(annotation('warning', warning));
    for (const request of clean.requests) requestOfFlow(request);
    return clean.flow;
  }
}

function endOf(exit: ProcessExit, log: StepLog): HandlerResult {
  if (exit.kind === 'not-started') return exit.stopped ? STOPPED : failed(log, 'start-failed', exit.message);
  const { exitCode, signal, stopped, outputCut } = exit;
  if (outputCut) log.line(CUT);
  const outcome = stopped ? 'stopped' : exitCode === 0 ? 'success' : 'failure';
  if (outcome === 'failure' && signal !== null)
    log.annotate(annotation('error', `The process was ended by the signal ${signal}.`));
  return { outcome, reason: null, exitCode, signal, effects: NO_EFFECTS, summary: null };
}

const CUT =
  'The output ends here: the process has ended, but something that it left running held its output open for too long.';

/** Passes on what the step is asked while its process runs. */
export async function untilExit(started: RunningProcess, { signal, kill }: StepScope): Promise<ProcessExit> {
  const onStop = (): void => started.stop();
  const onKill = (): void => started.kill();
  signal.addEventListener('abort', onStop, { once: true });
  kill.addEventListener('abort', onKill, { once: true });
  try {
    return await started.exited;
  } finally {
    signal.removeEventListener('abort', onStop);
    kill.removeEventListener('abort', onKill);
  }
}

/** No process of its group lives. What has left the group knows the old names of the files only. */
function hasLeftNothing({ identity }: RunningProcess): boolean {
  if (identity === null || process.platform === 'win32') return false;
  try {
    process.kill(-identity.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** A full disk, a temporary folder that cannot be written. @throws what is no error of the system. */
export function unprepared({ log }: StepScope, error: unknown): HandlerResult {
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined) throw error;
  return failed(log, 'start-failed', `The step could not be prepared: ${message}.`);
}

function isTrue(value: string | undefined): boolean {
  return ['1', 'true', '$true'].includes(value?.toLowerCase() ?? '');
}
