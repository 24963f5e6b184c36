import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { ExpressionError } from '../expressions/evaluate.ts';
import type { StartJob } from '../flow/flow-event.ts';
import type { Clock } from '../kernel/clock.ts';
import { openDiagnosticLog } from '../kernel/diagnostic-log.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import type { Reason } from '../protocol/conclusion.ts';
import type { FlowRequest, FlowWish } from '../protocol/flow-plan.ts';
import type { JobReport } from '../protocol/report.ts';
import { readDotenv } from '../worker/read-dotenv.ts';
import { runJob } from '../worker/run-job.ts';
import { runnerFacts } from '../worker/runner-facts.ts';
import { jobMessage } from './job-message.ts';
import type { JobSignals } from './local-jobs.ts';
import type { PreparedRun } from './prepare-run.ts';
import type { RunOptions } from './run-options.ts';
import type { RunRecorder } from './run-recorder.ts';
import { unstartedJob } from '../flow/unstarted-job.ts';
import { UsageError } from './usage-error.ts';
import { type CopyResult, WorkspaceCopier } from './workspace-copy.ts';

/** How a job ended, which is told by whoever knows what it counts for. */
export interface JobEnd {
  readonly report: JobReport;
  /** What it asks of the flow with its end. */
  readonly wish: FlowWish | null;
}

/** What runs the jobs of one local run, in this process. */
export interface JobsHere {
  /** Of every job so far: what their processes are found by. */
  readonly jobIds: readonly string[];
  /** Runs one job to its end; every event of it but the last has been recorded when it resolves. Rejects for a bug only. */
  run(command: StartJob, signals: JobSignals): Promise<JobEnd>;
  /** Removes the temporary folder, or says why not. Call when no job runs. */
  close(): Promise<void>;
}

export interface JobsHereOptions {
  readonly prepared: PreparedRun;
  readonly options: RunOptions;
  readonly recorder: RunRecorder;
  readonly clock: Clock;
}

/** Throws a `UsageError` when the temporary folder or a configured file cannot be had. */
export async function openJobsHere({
  prepared,
  options,
  recorder,
  clock,
  requested,
}: JobsHereOptions & {
  /** A step asks something of the flow. Answers why that is refused, or null. */
  readonly requested: (key: string, id: number, request: FlowRequest) => string | null;
}): Promise<JobsHere> {
  const { config, context } = prepared;
  const dotenv = await readDotenv(config.envFile).catch((error: unknown) => {
    throw new UsageError((error as Error).message, { cause: error });
  });
  const tempRoot = await makeTempRoot(config.workDirectory ?? options.tempDirectory);
  const log = await openDiagnosticLog(config.log);
  const copier = new WorkspaceCopier(options.workspace, prepared.git, options.environment);
  const jobIds: string[] = [];

  const runIn = async (workspace: string, command: StartJob, signals: JobSignals): Promise<JobEnd> => {
    let wish: FlowWish | null = null;
    const message = jobMessage(command, prepared, options, workspace);
    const jobId = `${randomUUID().slice(0, ID_CHARACTERS)}-${command.key.replace(/[^\w-]/g, '-')}`;
    jobIds.push(jobId);
    const report = await runJob(message, {
      jobId,
      version: options.version,
      node: options.node,
      runner: runnerFacts(options.machineName, process.platform, process.arch),
      workspace,
      tempRoot,
      toolCache: config.toolCache ?? join(options.cacheDirectory, 'tools'),
      actions: prepared.actions,
      checkout: {
        kind: 'in-place',
        repository: context.repository,
        baseUrl: config.actions.baseUrl,
        offline: options.offline || config.actions.offline,
      },
      config: { ...config, maxBackground: options.maxBackground ?? config.maxBackground },
      baseEnvironment: options.environment,
      dotenv,
      ...signals,
      clock,
      log,
      logEvents: options.events !== null,
      emit: (event) => {
        if (event.type === 'job-completed') {
          wish = event.wish ?? null;
          return;
        }
        const refused = event.type === 'flow-request' ? requested(event.job, event.id, event.request) : null;
        recorder.emit(event.type === 'flow-request' && refused !== null ? { ...event, refused } : event);
      },
      openLog: (number, name) => recorder.openLog(command.key, number, name),
    });
    return { report, wish };
  };
  const refused = (command: StartJob, reason: Reason, message: string): JobEnd => {
    const at = new Date(clock.now()).toISOString();
    const { id, displayName: name, instance, contexts, iteration, attempt } = command;
    const job = { id, name, instance, matrix: contexts.matrix, conclusion: 'failure' as const, reason, message };
    return { report: { ...unstartedJob(job, at), iteration, attempt }, wish: null };
  };

  return {
    jobIds,
    async run(command, signals) {
      let copy: CopyResult | null = null;
      try {
        if (options.isolate) copy = await copier.copy(join(tempRoot, 'copies', command.key));
        if (copy?.kind === 'problem') return refused(command, 'start-failed', copy.message);
        return await runIn(copy?.directory ?? options.workspace, command, signals);
      } catch (error) {
        if (error instanceof ExpressionError) return refused(command, 'condition-error', error.message);
        throw error;
      } finally {
        if (copy?.kind === 'copied') await copy.remove();
      }
    },
    async close() {
      await removeTree(tempRoot).catch((error: unknown) => {
        // Such as what a step wrote with `sudo`. The run went as it went.
        recorder.notice(`The temporary folder ${tempRoot} could not be removed: ${(error as Error).message}.`);
      });
      await log.close();
    },
  };
}

/** Of a UUID: enough to be unique on a machine, short enough for the names of cgroups and variables. */
const ID_CHARACTERS = 13;

async function makeTempRoot(directory: string): Promise<string> {
  try {
    return await mkdtemp(join(directory, 'paceline-'));
  } catch (error) {
    throw new UsageError(`No temporary folder can be made: ${(error as Error).message}.`, { cause: error });
  }
}
