import { askRun } from './ask-run.ts';
import { cancelRun } from './cancel-run.ts';
import { deleteRuns } from './delete-runs.ts';
import { eventsAfter } from './events-after.ts';
import { findRepository } from './find-repository.ts';
import { listRuns } from './list-runs.ts';
import { rerun } from './rerun.ts';
import { advanceSchedule, listDueSchedules, setSchedules } from './schedule-operations.ts';
import { showRun } from './show-run.ts';
import { findSubmission, submitRun } from './submit-run.ts';

/** Runs, from their submission to their deletion. */
export const runOperations = {
  'submit-run': submitRun,
  'find-submission': findSubmission,
  'list-runs': listRuns,
  'show-run': showRun,
  'events-after': eventsAfter,
  'cancel-run': cancelRun,
  'ask-run': askRun,
  rerun,
  'delete-runs': deleteRuns,
  'find-repository': findRepository,
  'set-schedules': setSchedules,
  'list-due-schedules': listDueSchedules,
  'advance-schedule': advanceSchedule,
};

export const RUN_READS = [
  'find-submission',
  'list-runs',
  'show-run',
  'events-after',
  'find-repository',
  'list-due-schedules',
] as const satisfies readonly (keyof typeof runOperations)[];
