import type { Reason } from '../protocol/conclusion.ts';
import type { StepReport } from '../protocol/report.ts';
import { ForegroundRunner } from '../steps/foreground-runner.ts';
import { taskOfStage, type StepTask } from '../steps/step-frame.ts';
import { StepRecord } from '../steps/step-record.ts';
import type { JobStatus } from '../steps/step-scope.ts';
import type { ForegroundOptions } from '../steps/steps-runner-options.ts';
import { StepsRunner } from '../steps/steps-runner.ts';
import { nextNumber } from './job-events.ts';
import { hookTask, jobHooks } from './job-hooks.ts';
import type { JobPremises } from './job-premises.ts';
import type { ReadyJob } from './set-up-job.ts';

const MS_PER_SECOND = 1_000;

/**
 * Everything between "Set up job" and "Complete job": the started hook, pre steps, main steps with their drain and post
 * steps, the completed hook. Never rejects: a bug in here is the job's `problem`.
 */
export async function runJobSteps(
  job: ReadyJob,
  premises: JobPremises,
): Promise<{ readonly status: JobStatus; readonly problem: Reason | null }> {
  const { host, stop, logs, records, events, log, message } = premises;
  const { frame, handlers, handlerOptions, preStages } = job;
  const options: ForegroundOptions = { frame, openLog: logs.open, cancel: stop.cancel, kill: stop.kill };
  const foreground = new ForegroundRunner(options);
  const hooks = jobHooks(host.config, handlerOptions.baseEnvironment);
  let problem: Reason | null = null;
  let number = nextNumber(events);
  const declare = (task: StepTask, kind: StepReport['kind'], phase: StepReport['phase']): StepRecord => {
    const base = { id: null, background: false, group: null, targets: [] };
    return new StepRecord({ ...base, number: number++, name: task.displayName ?? '', kind, phase }, records);
  };

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.error('the steps of a job met a bug', { error: String((error as Error).stack ?? error) });
      problem = 'internal-error';
    }
  };

  await attempt(async () => {
    const before = [
      ...(hooks.started === null ? [] : [{ task: hookTask(hooks.started, handlerOptions), kind: 'hook' as const }]),
      ...preStages.map((stage) => ({ task: taskOfStage(stage), kind: 'uses' as const })),
    ].map(({ task, kind }) => ({ task, record: declare(task, kind, 'pre') }));
    for (const { task, record } of before) await foreground.run(record, task, null);
    const runner = new StepsRunner({
      ...options,
      steps: message.job.steps,
      stages: message.job.stages,
      firstNumber: number,
      handlers,
      postStages: () => handlers.postStages(),
      records,
      maxBackground: host.config.maxBackground,
      waitNoticeMs: host.config.waitNoticeSeconds * MS_PER_SECOND,
    });
    await runner.run();
  });
  await attempt(async () => {
    if (hooks.completed === null) return;
    number = nextNumber(events);
    const task = hookTask(hooks.completed, handlerOptions);
    await foreground.run(declare(task, 'hook', 'post'), task, null);
  });
  return { status: frame.state.status, problem };
}
