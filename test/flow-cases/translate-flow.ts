import {
  type JobFlowPlan,
  type JoinPlan,
  type MilestoneState,
  RETRY_DEFAULTS,
  type RetryPlan,
} from '../../src/protocol/flow-plan.ts';
import type { Json } from '../../src/protocol/job-message.ts';
import type { ConcurrencyPlan } from '../../src/protocol/plan.ts';
import { NO_FLOW } from '../support/no-flow.ts';
import type { Doing } from './behaviour.ts';
import { CaseProblem, Fields, isMap, plainName, said } from './fields.ts';
import { type FindName, translateExpression } from './translate-expression.ts';

/** One tick of a case: what the keys that take minutes count in. */
export const TICK_MS = 60_000;
/** Tick 0. */
export const EPOCH = Date.UTC(2026, 0, 1);

/** What reading the keys of a job needs to know of the case around it. */
export interface JobPlace {
  /** For messages. */
  readonly where: string;
  /** Of the job: what its conditions may name. */
  readonly find: FindName;
  /** A job's id as it is in the plans. */
  readonly id: (written: string) => string;
  /** Whether a job of its list is written so. */
  readonly isBeside: (written: string) => boolean;
}

/** The keys that are the same in a case and in a plan. @throws CaseProblem */
export function readFlow(
  fields: Fields,
  doing: Doing,
  place: JobPlace,
): Omit<JobFlowPlan, 'before' | 'after' | 'onFailure' | 'onCancel' | 'finally' | 'stage'> {
  return {
    join: readJoin(fields.take('join'), place),
    choose: readChoose(fields, place),
    spawn: count(fields.take('spawn'), place),
    race: fields.text('race'),
    milestone: readMilestone(fields.take('milestone'), place),
    waitFor: readWaitFor(fields.take('wait_for'), doing, place),
    region: fields.texts('region', 'regions', 'cancel_region') ?? [],
    cancels: readCancels(fields.take('cancels'), place),
    section: readSection(fields.take('section'), place),
    next: readNext(fields.take('next'), place),
    failure: readFailure(fields, place),
    startWithinMinutes: fields.number(
      'start_before_tick',
      'start_within_minutes',
      'start_within_ticks',
      'start_within',
    ),
    startAt: readStartAt(fields),
    retry: readRetry(fields.take('retry'), doing, place),
    terminate: readTerminate(fields.take('terminate'), place),
  };
}

export function readMutex(fields: Fields, place: JobPlace): ConcurrencyPlan | null {
  const mutex = fields.text('mutex');
  const written = fields.take('concurrency');
  if (mutex !== null) return { group: mutex, cancelInProgress: null, queue: 'max', scope: 'run' };
  return written === undefined ? null : readConcurrency(written, 'case', `${place.where}: concurrency`);
}

/** `group`: the one of who names none. */
export function readConcurrency(written: unknown, group: string, where: string): ConcurrencyPlan {
  if (typeof written === 'string') return { group: written, cancelInProgress: null };
  const fields = new Fields(written, where);
  const limit = fields.number('limit', 'max');
  const keep = fields.flag('keep_waiting');
  const queue = fields.text('queue');
  const scope = fields.text('scope');
  const plan: ConcurrencyPlan = {
    group: fields.text('group', 'key') ?? group,
    cancelInProgress: fields.flag('cancel_in_progress'),
    ...(limit === null ? {} : { limit }),
    ...(keep === null && queue === null ? {} : { queue: keep === true || queue === 'max' ? 'max' : 'single' }),
    ...(scope === 'run' || scope === 'repository' ? { scope } : {}),
  };
  fields.done();
  return plan;
}

/** A number, or the name of an output. */
export function count(written: unknown, { where, find }: Pick<JobPlace, 'where' | 'find'>): number | string | null {
  if (written === undefined || written === null || typeof written === 'number') return written ?? null;
  if (typeof written === 'string') return `\${{ ${translateExpression(written, find)} }}`;
  throw new CaseProblem(`${where}: ${said(written)} is no number`);
}

function readJoin(written: unknown, { where }: JobPlace): JoinPlan {
  if (written === undefined || written === null) return NO_FLOW.join;
  if (typeof written === 'number')
    return { mode: 'count', count: written, late: 'ignore', countIgnoredFailures: false };
  const fields = new Fields(typeof written === 'string' ? { mode: written } : written, `${where}: join`);
  const mode = plainName(fields.text('mode', 'type') ?? '');
  const needed = fields.number('count', 'n', 'threshold');
  const late = fields.text('late') ?? 'ignore';
  const keep = fields.flag('keep');
  const batch = fields.number('batch');
  const countIgnoredFailures = fields.flag('count_ignored_failures') ?? false;
  fields.done();
  if (late !== 'ignore' && late !== 'queue' && late !== 'cancel')
    throw new CaseProblem(`${where}: unknown word '${late}'`);
  if (mode === 'first' || mode === 'count' || mode === 'partial' || mode === 'nofm' || (mode === '' && needed !== null))
    return { mode: 'count', count: needed ?? 1, late, countIgnoredFailures };
  if (mode === 'each' || (mode === '' && batch !== null)) return { mode: 'each', batch: batch ?? 1 };
  if (mode === 'active') return { mode: 'active' };
  if (mode === 'all' || mode === '') return { mode: 'all', keep: keep ?? false };
  throw new CaseProblem(`${where}: unknown word ${said(written)} for a join`);
}

function readChoose(fields: Fields, { where, find, id, isBeside }: JobPlace): JobFlowPlan['choose'] {
  const written = fields.take('choose');
  const members = isMap(written) ? new Fields(written, `${where}: choose`) : null;
  const branches = fields.take('branches') ?? members?.take('branches');
  const ownDefault = fields.text('default') ?? members?.text('default') ?? null;
  const mode = members ? members.text('mode') : written;
  members?.done();
  if (written === undefined && branches === undefined) return null;
  if (mode !== 'one' && mode !== 'many' && mode !== undefined)
    throw new CaseProblem(`${where}: unknown word ${said(mode)} for choose`);
  const list: [string, unknown][] = Array.isArray(branches)
    ? (branches as unknown[]).map((branch) => {
        const one = new Fields(branch, `${where}: branches`);
        return [one.text('job', 'to', 'id') ?? '', one.take('if', 'when')];
      })
    : Object.entries((branches ?? {}) as Record<string, unknown>);
  const isDefault = ([name, value]: [string, unknown]): boolean => name === 'default' && typeof value === 'string';
  const named = list.find(isDefault)?.[1] as string | undefined;
  const fallback = ownDefault ?? named ?? null;
  const chosen = [...list.filter((branch) => !isDefault(branch)).map(([job]) => job), ...(fallback ? [fallback] : [])];
  const missing = chosen.find((job) => !isBeside(job));
  if (missing !== undefined) throw new CaseProblem(`${where} has a branch to '${missing}', which there is not`);
  return {
    mode: mode ?? 'one',
    branches: list
      .filter((branch) => !isDefault(branch))
      .map(([job, condition]) => ({ job: id(job), if: translateExpression(conditionOf(condition, where), find) })),
    default: fallback === null ? null : id(fallback),
  };
}

function conditionOf(written: unknown, where: string): string | boolean {
  if (typeof written === 'string' || typeof written === 'boolean') return written;
  throw new CaseProblem(`${where}: ${said(written)} is no condition`);
}

const MILESTONE_STATES: readonly string[] = ['queued', 'running', 'waiting', 'success', 'failure', 'completed'];

function readMilestone(written: unknown, { where, id }: JobPlace): JobFlowPlan['milestone'] {
  if (written === undefined || written === null) return null;
  const fields = new Fields(written, `${where}: milestone`);
  const job = fields.text('job') ?? '';
  const state = fields.text('status', 'state') ?? 'running';
  const otherwise = fields.text('otherwise', 'else') ?? 'skip';
  fields.done();
  if (!MILESTONE_STATES.includes(state)) throw new CaseProblem(`${where}: unknown word '${state}' for a milestone`);
  if (otherwise !== 'skip' && otherwise !== 'fail') throw new CaseProblem(`${where}: unknown word '${otherwise}'`);
  return { job: id(job), state: state as MilestoneState, otherwise };
}

function readWaitFor(written: unknown, { suspend }: Doing, { where }: JobPlace): JobFlowPlan['waitFor'] {
  if (written === undefined || written === null)
    return suspend && { signals: suspend.signals, buffered: true, timeoutMinutes: null, from: suspend.from };
  const members = typeof written === 'string' || Array.isArray(written) ? { signal: written } : written;
  const fields = new Fields(members, `${where}: wait_for`);
  const plan = {
    signals: fields.texts('signal', 'signals', 'name') ?? ['*'],
    buffered: fields.flag('buffered', 'persistent') ?? true,
    timeoutMinutes: fields.number('timeout', 'timeout_ticks', 'timeout_minutes', 'ticks'),
    from: fields.texts('from', 'by') ?? [],
  };
  fields.done();
  return plan;
}

function readCancels(written: unknown, { where, id }: JobPlace): JobFlowPlan['cancels'] {
  if (written === undefined || written === null) return null;
  const fields = new Fields(isMap(written) ? written : { targets: written }, `${where}: cancels`);
  const on = fields.text('on') ?? 'start';
  const targets = fields.texts('targets', 'target', 'jobs', 'job') ?? [];
  const regions = fields.texts('region', 'regions') ?? [];
  fields.done();
  if (on !== 'start' && on !== 'success') throw new CaseProblem(`${where}: unknown word '${on}'`);
  return {
    on,
    targets: [
      ...targets.map((target) => (target.startsWith('region:') ? target : id(target))),
      ...regions.map((region) => `region:${region}`),
    ],
  };
}

function readSection(written: unknown, { where }: JobPlace): JobFlowPlan['section'] {
  if (written === undefined || written === null) return null;
  if (typeof written === 'string') {
    const [lock = '', ...name] = written.split(':');
    return { lock, name: name.length === 0 ? lock : name.join(':') };
  }
  const fields = new Fields(written, `${where}: section`);
  const lock = fields.text('lock') ?? '';
  const name = fields.text('name') ?? lock;
  fields.done();
  return { lock, name };
}

function readNext(written: unknown, { where, find, id }: JobPlace): JobFlowPlan['next'] {
  if (written === undefined || written === null) return [];
  return (Array.isArray(written) ? (written as unknown[]) : [written]).map((one) => {
    const fields = new Fields(typeof one === 'string' ? { goto: one } : one, `${where}: next`);
    const condition = fields.take('if', 'when');
    const goto = fields.text('goto', 'to', 'jump') ?? '';
    const values = fields.map('with') ?? {};
    fields.done();
    return {
      if: condition === undefined ? null : translateExpression(conditionOf(condition, where), find),
      goto: id(goto),
      with: values as Readonly<Record<string, Json>>,
    };
  });
}

function readFailure(fields: Fields, { where }: JobPlace): JobFlowPlan['failure'] {
  const tolerant = fields.flag('continue_on_error') ?? false;
  const written = fields.isText('on_failure') ? fields.text('on_failure') : fields.text('failure');
  const mode = (written ?? (tolerant ? 'ignore' : 'fail-run')).replaceAll('_', '-');
  if (mode !== 'fail-run' && mode !== 'stop-branch' && mode !== 'ignore')
    throw new CaseProblem(`${where}: unknown word '${mode}'`);
  return mode;
}

function readStartAt(fields: Fields): string | null {
  const written = fields.take('start_at', 'start_at_tick');
  if (typeof written === 'number') return new Date(EPOCH + written * TICK_MS).toISOString();
  return typeof written === 'string' ? written : null;
}

function readRetry(written: unknown, { body }: Doing, { where }: JobPlace): RetryPlan | null {
  const { minMs, maxMs, factor, jitter, maxAttempts, exitCode } = RETRY_DEFAULTS;
  if (written === undefined || written === null || written === false)
    return body.transient && { maxAttempts, backoff: { minMs, maxMs, factor, jitter }, exitCodes: [exitCode] };
  const members = typeof written === 'number' ? { max_attempts: written } : written === true ? {} : written;
  const fields = new Fields(members, `${where}: retry`);
  const backoff = new Fields(fields.take('backoff') ?? {}, `${where}: backoff`);
  const exitCodes = fields.take('exit_codes', 'exit_code');
  const plan: RetryPlan = {
    maxAttempts: fields.number('max_attempts', 'attempts', 'max', 'limit') ?? maxAttempts,
    backoff: {
      minMs: duration(backoff.take('min'), minMs),
      maxMs: duration(backoff.take('max'), Math.max(maxMs, 10 * TICK_MS)),
      factor: backoff.number('factor') ?? factor,
      jitter: backoff.number('jitter') ?? jitter,
    },
    exitCodes: exitCodes === undefined ? null : [exitCodes].flat().map(Number),
  };
  backoff.done();
  fields.done();
  return plan;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Numbers are ticks. */
export function duration(written: unknown, otherwise: number): number {
  if (written === undefined || written === null) return otherwise;
  if (typeof written === 'number') return written * TICK_MS;
  const [, number, unit] = /^([\d.]+)\s*(ms|s|m|h)$/.exec(typeof written === 'string' ? written.trim() : '') ?? [];
  if (number === undefined || unit === undefined) throw new CaseProblem(`${said(written)} is no duration`);
  return Number(number) * (UNITS[unit] ?? 1);
}

function readTerminate(written: unknown, { where }: JobPlace): JobFlowPlan['terminate'] {
  if (written === undefined || written === null || written === false) return null;
  if (written === true) return 'success';
  if (written === 'success' || written === 'failure' || written === 'cancelled') return written;
  throw new CaseProblem(`${where}: unknown word ${said(written)} for terminate`);
}
