import { annotation } from '../steps/own-annotation.ts';
import { plainEnd, type StepEnd } from '../steps/step-end.ts';
import type { StepLog } from '../steps/step-log.ts';
import { evaluateJobOutputs } from './job-outputs.ts';
import type { JobPremises } from './job-premises.ts';
import type { JobResources } from './job-resources.ts';
import type { ReadyJob } from './set-up-job.ts';
import { within } from './within.ts';

export interface Completion {
  readonly end: StepEnd;
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * The work of "Complete job": outputs, what the steps left running, the temporary folder. No cancellation reaches it, but
 * its time is limited: a job has to come to its report.
 *
 * @param job Null when the set-up failed: nothing has run, but something may have been opened.
 */
export async function completeJob(
  premises: JobPremises,
  resources: JobResources,
  job: ReadyJob | null,
  log: StepLog,
): Promise<Completion> {
  const { host, budgets, stop } = premises;
  if (stop.cause === 'job-timeout')
    log.annotate(
      annotation(
        'error',
        `The job running on runner ${host.runner.name} has exceeded the maximum execution time of ${minutes(premises.message.timeoutMinutes ?? 0)}.`,
      ),
    );
  const { outputs, failed } = job === null ? { outputs: {}, failed: false } : outputsOf(job, premises, log);
  const cleaned = await within(host.clock, budgets.tearDownMs, cleanUp(resources, premises, log));
  if (cleaned === 'late') {
    const seconds = budgets.tearDownMs / MS_PER_SECOND;
    log.annotate(annotation('warning', `The clean-up took longer than ${seconds} seconds and was given up.`));
  }
  return { end: failed ? plainEnd('failure', 'condition-error') : plainEnd('success', null), outputs };
}

const MS_PER_SECOND = 1_000;

function minutes(count: number): string {
  return count === 1 ? '1 minute' : `${count} minutes`;
}

function outputsOf(
  { contexts, frame: { state } }: ReadyJob,
  { message, masker }: JobPremises,
  log: StepLog,
): { outputs: Completion['outputs']; failed: boolean } {
  const { job } = contexts.ofJob;
  const input = {
    contexts: {
      ...contexts.ofJob,
      env: Object.fromEntries(state.env),
      steps: state.steps,
      job: { ...(job as object), status: state.status },
    },
  };
  const { outputs, warnings, errors } = evaluateJobOutputs(message.job.outputs, input, (text) => masker.mask(text));
  const names = Object.keys(outputs);
  if (names.length > 0) log.line(`Outputs of the job: ${names.join(', ')}`);
  for (const warning of warnings) log.annotate(annotation('warning', warning));
  for (const error of errors) log.annotate(annotation('error', error));
  return { outputs, failed: errors.length > 0 };
}

/** What one part of it cannot do must not keep the other from being done. Never rejects. */
async function cleanUp(resources: JobResources, { log: diagnostics }: JobPremises, log: StepLog): Promise<void> {
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const { message } = error as Error;
      diagnostics.warn(`clean-up: ${what}`, { error: message });
      log.annotate(annotation('warning', `Clean-up: ${what}: ${message}.`));
    }
  };
  await attempt('processes that steps left running could not be ended', async () => {
    log.line('Cleaning up orphan processes');
    for (const { pid, name } of await resources.endLeftovers())
      log.line(`Terminate orphan process: pid (${pid}) (${name})`);
  });
  await attempt('the temporary folder could not be removed', () => resources.close());
}
