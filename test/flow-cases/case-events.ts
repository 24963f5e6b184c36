import type { FlowRequest } from '../../src/protocol/flow-plan.ts';
import type { PersonRequest } from '../../src/flow/flow-event.ts';
import type { TemplateMap } from '../../src/protocol/plan.ts';
import { CaseProblem, Fields, isMap, plainName, said } from './fields.ts';
import { hasJob, type JobIds, type JobName, readJobName } from './job-name.ts';

/** Something that is done to a run from outside. */
export interface CaseEvent {
  readonly after: After;
  /** Index of the run that it is done to; null: the one that is in that state. */
  readonly run: number | null;
  readonly by: string;
  readonly act: Act;
  /** A job that it names and that is not there. */
  readonly stranger: string | null;
}

/** When it is done: as soon as the state is reached. */
export type After =
  | { readonly kind: 'begun' }
  | { readonly kind: 'before-start' }
  | { readonly kind: 'tick'; readonly tick: number }
  | { readonly kind: 'job'; readonly job: JobName; readonly status: string }
  | { readonly kind: 'run'; readonly status: string }
  | { readonly kind: 'child'; readonly child: string; readonly status: string };

export type Act =
  | { readonly kind: 'request'; readonly request: FlowRequest | PersonRequest }
  | { readonly kind: 'cancel-run'; readonly force: boolean }
  | { readonly kind: 'rerun-failed' };

/** @throws CaseProblem */
export function readEvents(written: unknown, ids: JobIds): CaseEvent[] {
  if (!Array.isArray(written)) throw new CaseProblem(`'events' has to be a list, not ${said(written)}`);
  return (written as unknown[]).map((event, index) => {
    const fields = new Fields(event, `event ${index + 1}`);
    const early = fields.flag('before_start') ?? false;
    const tick = fields.number('at_tick', 'tick');
    const after = fields.take('after');
    const named: string[] = [];
    const jobOf = (name: string): string => {
      named.push(name);
      return planPath(readJobName(name, ids));
    };
    const result: CaseEvent = {
      after: readAfter(after, early, tick, `event ${index + 1}`, ids),
      run: fields.number('run_index'),
      by: fields.text('by', 'user', 'from') ?? 'somebody',
      act: readAct(fields, jobOf, `event ${index + 1}`),
      stranger: named.find((name) => !hasJob(name, ids)) ?? null,
    };
    for (const name of ['comment', 'notes', 'title']) fields.take(name);
    fields.done();
    return result;
  });
}

function readAfter(written: unknown, early: boolean, tick: number | null, where: string, ids: JobIds): After {
  if (early) return { kind: 'before-start' };
  if (tick !== null) return { kind: 'tick', tick };
  if (written === undefined || written === null) return { kind: 'begun' };
  if (typeof written === 'number') return { kind: 'tick', tick: written };
  if (typeof written === 'string')
    return plainName(written) === 'beforestart' ? { kind: 'before-start' } : { kind: 'run', status: written };
  const fields = new Fields(written, `${where}: after`);
  if (fields.flag('before_start') === true) return { kind: 'before-start' };
  const job = fields.text('job');
  const child = fields.text('child', 'child_run');
  const run = fields.text('run');
  const at = fields.number('tick', 'ticks', 'at');
  const status = fields.text('status', 'state') ?? 'running';
  fields.done();
  if (job !== null) return { kind: 'job', job: readJobName(job, ids), status };
  if (child !== null) return { kind: 'child', child, status };
  if (run !== null) return { kind: 'run', status: run };
  if (at !== null) return { kind: 'tick', tick: at };
  throw new CaseProblem(`${where}: nothing says what it comes after: ${said(written)}`);
}

function readAct(fields: Fields, jobOf: (name: string) => string, where: string): Act {
  const signal = fields.text('signal', 'signal_run');
  const request = (request: FlowRequest | PersonRequest): Act => ({ kind: 'request', request });
  if (signal !== null) {
    const to = fields.text('to', 'job');
    return request({
      kind: 'signal',
      name: signal,
      job: to === null ? null : jobOf(to),
      data: dataOf(fields.take('data', 'payload', 'with')),
      persistent: fields.flag('persistent', 'buffered') ?? true,
    });
  }
  const cancel = fields.take('cancel_job');
  if (typeof cancel === 'string') return request({ kind: 'cancel', target: jobOf(cancel) });
  const region = fields.text('cancel_region');
  if (region !== null) return request({ kind: 'cancel', target: `region:${region}` });
  const run = fields.take('cancel_run');
  if (run !== undefined) {
    const force = isMap(run) ? run['force'] === true : fields.flag('force') === true;
    return { kind: 'cancel-run', force };
  }
  const add = fields.take('add_instance', 'add_instances');
  if (add !== undefined) return request(readAdd(add, fields, jobOf, where));
  const complete = fields.text('complete_job', 'complete');
  if (complete !== null) return request({ kind: 'complete', job: jobOf(complete) });
  if (fields.take('pause') !== undefined) return request({ kind: 'pause' });
  if (fields.take('resume', 'unpause') !== undefined) return request({ kind: 'resume' });
  if (fields.take('rerun_failed') !== undefined) return { kind: 'rerun-failed' };
  const [[word] = ['nothing']] = fields.rest();
  throw new CaseProblem(`${where}: unknown word '${word}'`);
}

function readAdd(written: unknown, fields: Fields, jobOf: (name: string) => string, where: string): FlowRequest {
  const members = new Fields(isMap(written) ? written : { job: written }, `${where}: add_instance`);
  const job = members.text('job', 'to') ?? fields.text('to', 'job');
  if (job === null) throw new CaseProblem(`${where}: add_instance says no job`);
  const take = (...names: string[]): unknown => members.take(...names) ?? fields.take(...names);
  const items = take('items');
  const item = take('item', 'with');
  const times = take('count');
  members.done();
  const list = Array.isArray(items) ? (items as unknown[]) : Array.from({ length: Number(times ?? 1) }, () => item);
  return {
    kind: 'add-instances',
    job: jobOf(job),
    items: list.map((one) =>
      one === undefined ? {} : isMap(one) ? (one as TemplateMap) : ({ item: one } as TemplateMap),
    ),
  };
}

function dataOf(written: unknown): string | null {
  if (written === undefined || written === null) return null;
  return typeof written === 'string' ? written : JSON.stringify(written);
}

/** Instances of a case are counted from 0, ours from 1. */
function planPath({ path, instance }: JobName): string {
  return instance === null ? path : `${path}.${instance + 1}`;
}
