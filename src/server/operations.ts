import type { Operation } from './operation.ts';
import { DISPATCH_READS, dispatchOperations } from './dispatch/dispatch-operations.ts';
import { FLEET_READS, fleetOperations } from './dispatch/fleet-operations.ts';
import { HTTP_READS, httpOperations } from './http/http-operations.ts';
import { LOG_READS, logOperations } from './logs/log-operations.ts';
import { OBSERVE_READS, observeOperations } from './observe/observe-operations.ts';
import { RUN_READS, runOperations } from './runs/run-operations.ts';
import { KEEPING_READS, keepingOperations } from './secrets/keeping-operations.ts';

/** Every operation, by name. What writes nothing is in `READS` too and may be run beside others. */
export const OPERATIONS = {
  ...keepingOperations,
  ...httpOperations,
  ...dispatchOperations,
  ...fleetOperations,
  ...runOperations,
  ...logOperations,
  ...observeOperations,
} satisfies Record<string, Operation<never, unknown>>;

export const READS: readonly OperationName[] = [
  ...KEEPING_READS,
  ...HTTP_READS,
  ...DISPATCH_READS,
  ...FLEET_READS,
  ...RUN_READS,
  ...LOG_READS,
  ...OBSERVE_READS,
];

type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;
export type OperationInput<Name extends OperationName> =
  Operations[Name] extends Operation<infer Input, unknown> ? Input : never;
export type OperationOutput<Name extends OperationName> =
  Operations[Name] extends Operation<never, infer Output> ? Output : never;
