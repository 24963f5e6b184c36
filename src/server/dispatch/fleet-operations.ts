import { drainRunner, unregisterRunner } from './change-runner.ts';
import { removeStaleRunners } from './remove-stale-runners.ts';

/** Runners that come and go. */
export const fleetOperations = {
  'drain-runner': drainRunner,
  'unregister-runner': unregisterRunner,
  'remove-stale-runners': removeStaleRunners,
};
