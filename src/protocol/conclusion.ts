/** How a step ended before `continue-on-error` was applied. */
export type Outcome = 'success' | 'failure' | 'cancelled' | 'skipped';

/** How a step ended after `continue-on-error` was applied; what `steps.<id>.conclusion` shows. */
export type StepConclusion = Outcome;

/**
 * How a job ended. `withdrawn`: the flow itself made the job needless (a lost race, an explicit end); neutral for the
 * run.
 */
export type JobConclusion = 'success' | 'failure' | 'cancelled' | 'skipped' | 'withdrawn';

/** How a run ended. */
export type RunConclusion = 'success' | 'failure' | 'cancelled';

/**
 * Why a conclusion is what it is, where the conclusion alone does not say. Kebab-case, stable: users filter by it.
 *
 * - `failure-ignored`: outcome failure, conclusion success (`continue-on-error`).
 * - `timed-out`: a step's own `timeout-minutes` (a failure) or a job's (a cancellation).
 * - `cancelled-by-step`: a `cancel` step named it.
 * - `job-cancelled`: the job was cancelled around it.
 * - `condition`: its `if` was false.
 * - `condition-error`: its `if`, `env` or `name` could not be evaluated.
 * - `needs`: a job it needs did not succeed.
 * - `cancelled-by-user`, `fail-fast`, `concurrency`, `runner-lost`: what cancelled or lost a job.
 * - `agent-drained`: its agent was to end, and cancelled it for that.
 * - `stuck`: it waited, and nothing was left that could have let it go on.
 * - `cancelled-by-job`: a step of another job cancelled it.
 * - `withdrawn`: the flow of its run made it needless; a worker says no more than that. The flow says which it was:
 *   `race`, `join`, `region`, `instances`, `terminated`, `superseded`: what withdrew a job: another was first, a join that
 *   had enough, `cancels` of another job, enough instances, the explicit end of the run, a jump back.
 * - `completed`: a person or a step declared it complete. `choice`: its branch was not chosen, or none could be.
 * - `expired`: `start-within-minutes`. `milestone`: the state it was to start in has passed.
 * - `too-many-jumps`, `too-many-iterations`, `run-limit`, `unknown-target`: a limit of the job, of the run, a jump to
 *   nowhere.
 * - `unapproved`: a step wanted the run to go on without an approval.
 * - `start-failed`: the process, the shell or the working directory could not be had.
 * - `action-not-loaded`: the action could not be found, fetched or read.
 * - `agent-refused`: the settings of the runner do not allow it.
 * - `command-error`: a workflow command or a file command was malformed.
 * - `stop-timed-out`: it did not end within the coordinator's grace and was written off.
 * - `not-supported`: it asks for something this version recognises but does not run.
 */
export type Reason =
  | 'failure-ignored'
  | 'timed-out'
  | 'cancelled-by-step'
  | 'job-cancelled'
  | 'condition'
  | 'condition-error'
  | 'needs'
  | 'cancelled-by-user'
  | 'fail-fast'
  | 'concurrency'
  | 'runner-lost'
  | 'agent-drained'
  | 'stuck'
  | 'cancelled-by-job'
  | 'withdrawn'
  | 'race'
  | 'join'
  | 'region'
  | 'instances'
  | 'terminated'
  | 'superseded'
  | 'completed'
  | 'choice'
  | 'expired'
  | 'milestone'
  | 'too-many-jumps'
  | 'too-many-iterations'
  | 'run-limit'
  | 'unknown-target'
  | 'unapproved'
  | 'start-failed'
  | 'action-not-loaded'
  | 'agent-refused'
  | 'command-error'
  | 'stop-timed-out'
  | 'not-supported'
  | 'internal-error';
