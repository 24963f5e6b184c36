import { drainRunner, unregisterRunner } from './change-runner.ts';
import { createJit } from './create-jit.ts';
import { poolDemand } from './pool-demand.ts';
import { removeStaleRunners } from './remove-stale-runners.ts';
import { listGroups, regroup, removeGroup, setGroup } from './runner-groups.ts';

/** Runners that come and go, and their groups. */
export const fleetOperations = {
  'drain-runner': drainRunner,
  'unregister-runner': unregisterRunner,
  'remove-stale-runners': removeStaleRunners,
  'create-jit': createJit,
  'list-groups': listGroups,
  'set-group': setGroup,
  'remove-group': removeGroup,
  regroup,
  'pool-demand': poolDemand,
};

export const FLEET_READS = ['list-groups', 'pool-demand'] as const satisfies readonly (keyof typeof fleetOperations)[];
