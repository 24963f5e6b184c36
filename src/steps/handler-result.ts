import type { Reason } from '../protocol/conclusion.ts';
import { annotation } from './own-annotation.ts';
import { NO_EFFECTS } from './step-effects.ts';
import type { HandlerResult } from './step-handler.ts';
import type { StepLog } from './step-log.ts';

const PLAIN = { exitCode: null, signal: null, effects: NO_EFFECTS, summary: null } as const;

/** Nothing ran, and that is right. */
export const DONE: HandlerResult = { ...PLAIN, outcome: 'success', reason: null };

/** It was asked to end before there was anything to end. */
export const STOPPED: HandlerResult = { ...PLAIN, outcome: 'stopped', reason: null };

/** Says why in the log, as an error. */
export function failed(log: StepLog, reason: Reason | null, message: string): HandlerResult {
  log.annotate(annotation('error', message));
  return { ...PLAIN, outcome: 'failure', reason };
}
