import { dirname, join } from 'node:path';
import type { Json, JsonMap, JobMessage } from '../protocol/job-message.ts';
import type { StepPlan } from '../protocol/plan.ts';
import { tokenOf } from './token-of.ts';
import type { WorkerHost } from './worker-host.ts';

/** The contexts of one job, without `env`, `steps` and `job.status`. */
export interface JobContexts {
  /** For what is evaluated outside of steps. */
  readonly ofJob: Readonly<Record<string, Json>>;
  /** The same, with `github.action`. */
  readonly ofStep: (plan: StepPlan) => Readonly<Record<string, Json>>;
}

export interface JobContextsOptions {
  readonly host: Pick<WorkerHost, 'workspace' | 'toolCache' | 'runner'>;
  /** `RUNNER_TEMP`. */
  readonly tempDirectory: string;
  readonly debug: boolean;
}

/** What the message says, completed by what only the machine knows (runner-behaviour 2.1, 2.13). */
export function jobContexts({ job, contexts, event }: JobMessage, options: JobContextsOptions): JobContexts {
  const { host, tempDirectory, debug } = options;
  const given = contexts.github;
  // A server sends the token with the secrets alone.
  const sent = typeof given.token === 'string' ? given.token : '';
  const token = sent === '' ? (tokenOf(contexts.secrets) ?? '') : sent;
  const github: JsonMap = {
    ...given,
    token,
    event,
    event_path: eventPath(tempDirectory),
    job: job.id,
    workspace: host.workspace,
  };
  const ofJob: Record<string, Json> = {
    github,
    runner: {
      ...host.runner,
      temp: tempDirectory,
      tool_cache: host.toolCache,
      workspace: dirname(host.workspace),
      ...(debug ? { debug: '1' } : {}),
    },
    job: {
      status: 'success',
      container: {},
      services: {},
      workflow_ref: given.workflow_ref ?? '',
      workflow_sha: given.workflow_sha ?? '',
      workflow_repository: given.repository ?? '',
    },
    secrets: token === '' ? contexts.secrets : { GITHUB_TOKEN: token, ...contexts.secrets },
    vars: contexts.vars,
    inputs: contexts.inputs,
    needs: contexts.needs,
    strategy: contexts.strategy,
    matrix: contexts.matrix,
    loop: contexts.loop ?? null,
    flow: contexts.flow ?? null,
  };
  return { ofJob, ofStep: (plan) => ({ ...ofJob, github: { ...github, action: plan.id } }) };
}

/** Of the job: what `github.event_path` names. The environment of each step names a copy of its own. */
export function eventPath(tempDirectory: string): string {
  return join(tempDirectory, '_github_workflow', 'event.json');
}
