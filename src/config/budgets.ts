import { GRACE_MARGIN_MS, type StopLadder } from '../process/running-process.ts';
import type { RunnerConfig } from './runner-config.ts';

/** How long each stage of ending may take. Each is longer than the one before, which it waits for. */
export interface Budgets {
  readonly ladder: StopLadder;
  /** From the moment a step is asked to end until it is written off. */
  readonly coordinatorGraceMs: number;
  /** From the moment a job is cancelled until what it still runs is killed. */
  readonly cancelTimeoutMs: number;
  /** What the clean-up of a job may take. */
  readonly tearDownMs: number;
}

/** How much longer than the coordinator's grace the clean-up of a job may take, unless it is configured. */
export const TEAR_DOWN_MARGIN_MS = 18_000;

const MS_PER_SECOND = 1_000;

export type BudgetKeys = Pick<
  RunnerConfig,
  'stopGrace' | 'coordinatorGraceSeconds' | 'cancelTimeoutSeconds' | 'tearDownSeconds'
>;

export function budgetsOf(config: BudgetKeys): Budgets {
  const ladder: StopLadder = {
    interruptMs: config.stopGrace.interruptSeconds * MS_PER_SECOND,
    terminateMs: config.stopGrace.terminateSeconds * MS_PER_SECOND,
  };
  const coordinatorGraceMs =
    msOf(config.coordinatorGraceSeconds) ?? ladder.interruptMs + ladder.terminateMs + GRACE_MARGIN_MS;
  return {
    ladder,
    coordinatorGraceMs,
    cancelTimeoutMs: config.cancelTimeoutSeconds * MS_PER_SECOND,
    tearDownMs: msOf(config.tearDownSeconds) ?? coordinatorGraceMs + TEAR_DOWN_MARGIN_MS,
  };
}

export interface BudgetProblem {
  /** The key of the configuration that is too short. */
  readonly key: 'coordinatorGraceSeconds' | 'cancelTimeoutSeconds' | 'tearDownSeconds';
  readonly message: string;
}

/** The first budget that is not longer than what it has to wait for; null when all are. */
export function findBudgetProblem(config: BudgetKeys): BudgetProblem | null {
  const { ladder, coordinatorGraceMs, cancelTimeoutMs, tearDownMs } = budgetsOf(config);
  const ladderMs = ladder.interruptMs + ladder.terminateMs;
  if (coordinatorGraceMs <= ladderMs)
    return problem('coordinatorGraceSeconds', coordinatorGraceMs, 'stopGrace in all', ladderMs);
  const grace = 'coordinatorGraceSeconds';
  if (cancelTimeoutMs <= coordinatorGraceMs)
    return problem('cancelTimeoutSeconds', cancelTimeoutMs, grace, coordinatorGraceMs);
  if (tearDownMs <= coordinatorGraceMs) return problem('tearDownSeconds', tearDownMs, grace, coordinatorGraceMs);
  return null;
}

function problem(key: BudgetProblem['key'], ms: number, than: string, thanMs: number): BudgetProblem {
  const message = `${key} (${ms / MS_PER_SECOND} s) must be longer than ${than} (${thanMs / MS_PER_SECOND} s), which it waits for.`;
  return { key, message };
}

function msOf(seconds: number | null): number | null {
  return seconds === null ? null : seconds * MS_PER_SECOND;
}
