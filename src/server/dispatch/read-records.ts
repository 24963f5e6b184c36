import { MAX_STEP_NUMBER } from '../../protocol/agent-api.ts';
import { attemptRecordSchema, type AttemptRecord } from '../../protocol/attempt-record.ts';
import type { AttemptState } from '../../protocol/attempt-state.ts';
import { brokenRule, type KnownStep, type StepBefore, type StepRule } from './step-rules.ts';

export interface Chained {
  readonly seq: number;
  readonly hash: string;
  readonly text: string;
}

export type FinishRecord = Extract<AttemptRecord, { kind: 'job-finished' }>;
export type RequestRecord = Extract<AttemptRecord, { kind: 'flow-request' }>;
type RecordRule =
  | StepRule
  | 'not-a-record'
  | 'no-step-number'
  | 'before-start'
  | 'second-start'
  | 'after-finish'
  | 'finished-with-open-steps';

/** Records that an attempt's state allows, up to the first that it does not. */
export interface ReadRecords {
  readonly allowed: readonly { readonly chained: Chained; readonly record: AttemptRecord }[];
  /** Which rule the first that is not allowed breaks. */
  readonly broken: RecordRule | null;
  /** The last states of the steps that the records speak of. */
  readonly changed: ReadonlyMap<number, KnownStep>;
  readonly finish: FinishRecord | null;
}

/** @param steps As they are known before these records. */
export function readRecords(
  state: AttemptState,
  steps: ReadonlyMap<number, StepBefore>,
  chain: readonly Chained[],
): ReadRecords {
  const all = new Map<number, StepBefore>(steps);
  const changed = new Map<number, KnownStep>();
  const allowed: { chained: Chained; record: AttemptRecord }[] = [];
  let started = state === 'running' || state === 'disconnected';
  let finish: FinishRecord | null = null;
  for (const chained of chain) {
    const record = parse(chained.text);
    const broken = record === null ? 'not-a-record' : ruleOf(record, { started, finish, all });
    if (record === null || broken !== null) return { allowed, broken, changed, finish };
    if (record.kind === 'job-started') started = true;
    if (record.kind === 'job-finished') finish = record;
    if (record.kind === 'step') {
      all.set(record.step.number, record);
      changed.set(record.step.number, record);
    }
    allowed.push({ chained, record });
  }
  return { allowed, broken: null, changed, finish };
}

function ruleOf(
  record: AttemptRecord,
  so: {
    readonly started: boolean;
    readonly finish: FinishRecord | null;
    readonly all: ReadonlyMap<number, StepBefore>;
  },
): RecordRule | null {
  if (so.finish !== null) return 'after-finish';
  if (record.kind === 'job-started') return so.started ? 'second-start' : null;
  if (!so.started) return 'before-start';
  const number = stepOf(record);
  if (number !== null && (number < 0 || number > MAX_STEP_NUMBER)) return 'no-step-number';
  if (record.kind === 'step') return brokenRule(so.all, record);
  // Where the agent speaks for a worker that cannot, the server ends what is open.
  if (record.kind !== 'job-finished' || record.lost !== null) return null;
  return [...so.all.values()].every(({ state }) => state === 'completed') ? null : 'finished-with-open-steps';
}

function stepOf(record: AttemptRecord): number | null {
  if (record.kind === 'step') return record.step.number;
  return record.kind === 'annotation' || record.kind === 'log-sealed' ? record.step : null;
}

function parse(text: string): AttemptRecord | null {
  try {
    return attemptRecordSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    // No JSON: said by the rule that it breaks.
    return null;
  }
}
