/** What an expression may use in one place. `functions`: those beyond the ones that are available everywhere. */
export interface Availability {
  readonly contexts: readonly string[];
  /** Contexts of ours that are available as well, but are no help to who misspelt one of GitHub's. */
  readonly also?: readonly string[];
  readonly functions: readonly string[];
}

const NO_FUNCTIONS: readonly string[] = [];
const STATUS_FUNCTIONS = ['always', 'cancelled', 'failure', 'success'] as const;
const HASH_FILES = ['hashFiles'] as const;

const RUN = ['github', 'inputs', 'vars'] as const;
const JOB_IF = [...RUN, 'needs'] as const;
const JOB = [...JOB_IF, 'strategy', 'matrix'] as const;
const JOB_WITH_SECRETS = [...JOB, 'secrets'] as const;
const RUNNER = [...JOB, 'job', 'runner', 'env'] as const;
const STEP_IF = [...RUNNER, 'steps'] as const;
const STEP = [...STEP_IF, 'secrets'] as const;
const COMPOSITE = ['github', 'inputs', 'strategy', 'matrix', 'steps', 'job', 'runner', 'env'] as const;

const FLOW = ['flow'] as const;
/** What a job came to, beside what it needs. */
const JOB_ENDED = [...JOB_IF, 'flow', 'outputs', 'result'] as const;

const step: Availability = { contexts: STEP, also: FLOW, functions: HASH_FILES };
const compositeStep: Availability = { contexts: COMPOSITE, functions: HASH_FILES };
const inJob: Availability = { contexts: JOB, also: FLOW, functions: NO_FUNCTIONS };
const beforeJob = only([...JOB_IF, 'flow']);

/**
 * GitHub's table "context availability" (docs, workflow syntax reference), completed from the official schema of
 * `@actions/workflow-parser` for keys that the page leaves out; where they differ, what either allows is allowed.
 * Keys of a job that are not listed here stand as `job.*`; keys whose value may not hold an expression are absent.
 */
export const AVAILABILITY = {
  'workflow.run-name': only(RUN),
  'workflow.concurrency': only(RUN),
  'workflow.env': only([...RUN, 'secrets']),
  'workflow_call.input.default': only(RUN),
  'workflow_call.output': only([...RUN, 'jobs']),

  'job.concurrency': inJob,
  'job.container': inJob,
  'job.container.credentials': job([...JOB, 'env', 'secrets']),
  'job.container.env': job(STEP),
  'job.container.image': inJob,
  'job.continue-on-error': inJob,
  'job.defaults.run': job([...JOB, 'env']),
  'job.env': job(JOB_WITH_SECRETS),
  'job.environment': inJob,
  'job.environment.url': job(STEP_IF),
  'job.if': { contexts: JOB_IF, also: FLOW, functions: STATUS_FUNCTIONS },
  'job.name': inJob,
  'job.outputs': job(STEP),
  'job.runs-on': inJob,
  'job.secrets': job(JOB_WITH_SECRETS),
  'job.services': inJob,
  'job.services.credentials': job([...JOB, 'env', 'secrets']),
  'job.services.env': job(STEP),
  'job.snapshot.if': inJob,
  'job.strategy': job(JOB_IF),
  'job.timeout-minutes': inJob,
  'job.with': inJob,

  'step.continue-on-error': step,
  'step.env': step,
  // Keys of ours
  'workflow.fail-fast': only(RUN),
  'job.branches': only(JOB_ENDED),
  /** Known once the job begins: `race`, `section`, `start-at`, `wait-for`. */
  'job.beginning': beforeJob,
  'job.complete-when.if': only([...JOB_IF, 'flow', 'instances']),
  'job.gate.outputs': beforeJob,
  // `loop` comes with the loop.
  'job.loop.outputs': only([...JOB_IF, 'flow', 'jobs']),
  'job.loop.until': only([...JOB_IF, 'flow', 'jobs']),
  'job.loop.vars': beforeJob,
  'job.loop.while': beforeJob,
  'job.next.if': { contexts: JOB_ENDED, functions: STATUS_FUNCTIONS },
  'job.next.with': only(JOB_ENDED),
  'job.retry': inJob,
  'job.spawn': only([...JOB_IF, 'flow', 'outputs']),
  /** Looked at when the run begins, or the round of a loop. */
  'job.start-within-minutes': only(RUN),

  'step.if': { contexts: STEP_IF, also: FLOW, functions: [...STATUS_FUNCTIONS, ...HASH_FILES] },
  'step.name': step,
  'step.run': step,
  'step.shell': step,
  'step.timeout-minutes': step,
  'step.with': step,
  'step.working-directory': step,

  'action.input.default': { contexts: ['github', 'strategy', 'matrix', 'job', 'runner'], functions: HASH_FILES },
  'action.output': only(COMPOSITE),
  /** `pre-if` and `post-if` of an action. */
  'action.runs.if': {
    contexts: ['github', 'inputs', 'strategy', 'matrix', 'job', 'runner', 'env'],
    functions: [...STATUS_FUNCTIONS, ...HASH_FILES],
  },
  'action.docker.args': only(['inputs']),
  'action.docker.env': only(['inputs']),
  'action.step.continue-on-error': compositeStep,
  'action.step.env': compositeStep,
  'action.step.if': { contexts: COMPOSITE, functions: [...STATUS_FUNCTIONS, ...HASH_FILES] },
  'action.step.name': compositeStep,
  'action.step.run': compositeStep,
  'action.step.shell': compositeStep,
  'action.step.with': compositeStep,
  'action.step.working-directory': compositeStep,
} as const satisfies Record<string, Availability>;

export type AvailabilityKey = keyof typeof AVAILABILITY;

/** Every context there is. Evaluation knows no others, so a misspelt one is an error and not null. */
export const CONTEXT_NAMES: readonly string[] = [...STEP, 'jobs', 'flow', 'instances', 'loop', 'outputs', 'result'];

function job(contexts: readonly string[]): Availability {
  return { contexts, also: FLOW, functions: NO_FUNCTIONS };
}

function only(contexts: readonly string[]): Availability {
  return { contexts, functions: NO_FUNCTIONS };
}
