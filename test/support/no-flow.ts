import type { JobFlowPlan } from '../../src/protocol/flow-plan.ts';

/** Of a job with none of the keys beyond `needs` and `if`. */
export const NO_FLOW: JobFlowPlan = {
  join: { mode: 'all', keep: false },
  choose: null,
  spawn: null,
  race: null,
  milestone: null,
  waitFor: null,
  region: [],
  cancels: null,
  section: null,
  next: [],
  before: [],
  after: [],
  onFailure: [],
  onCancel: [],
  finally: [],
  failure: 'fail-run',
  startWithinMinutes: null,
  startAt: null,
  retry: null,
  terminate: null,
  stage: null,
};
