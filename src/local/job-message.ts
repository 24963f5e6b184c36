import type { StartJob } from '../flow/flow-event.ts';
import { resolveSecrets } from '../flow/resolve-secrets.ts';
import type { JobMessage } from '../protocol/job-message.ts';
import type { PreparedRun } from './prepare-run.ts';
import type { RunOptions } from './run-options.ts';

/**
 * What the worker is told of a job.
 * @throws ExpressionError when a secret that a call maps cannot be evaluated.
 */
export function jobMessage(
  command: StartJob,
  prepared: PreparedRun,
  options: RunOptions,
  workspace: string,
): JobMessage {
  const { github, event } = prepared.context;
  return {
    runId: prepared.context.runId,
    key: command.key,
    displayName: command.displayName,
    instance: command.instance,
    iteration: command.iteration,
    attempt: command.attempt,
    job: command.plan,
    env: command.env,
    defaults: command.defaults,
    timeoutMinutes: command.timeoutMinutes,
    contexts: {
      ...command.contexts,
      github: { ...github, workspace },
      vars: options.vars,
      secrets: resolveSecrets(options.secrets, command.secrets, { github, vars: options.vars }),
    },
    event,
    // A called workflow may not be given a secret; its steps can have it all the same, out of a file or an output.
    masks: Object.values(options.secrets),
  };
}
