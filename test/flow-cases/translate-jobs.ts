import type { JobFlowPlan, StagePlan } from '../../src/protocol/flow-plan.ts';
import type { JobPlan, StrategyPlan, Template, TemplateMap } from '../../src/protocol/plan.ts';
import { type Behaviour, type Doing, joinDoings, isListOfDoings, OK, readDoing } from './behaviour.ts';
import { CaseProblem, Fields, isMap, said } from './fields.ts';
import type { FindName } from './translate-expression.ts';
import { translateExpression } from './translate-expression.ts';
import { NO_FLOW } from '../support/no-flow.ts';
import { count, type JobPlace, readFlow, readMutex } from './translate-flow.ts';
import { isListOfJobs, readStages } from './translate-stages.ts';

/** The name under which a plan says which body it has: see {@link Body}. */
export const BODY = 'BODY';

export interface Body {
  readonly behaviour: Behaviour;
  /** It is there to be noticed only: `cancel` of the job. */
  readonly hook: { readonly job: string; readonly name: string } | null;
  /** Where a bare name of its `assert` is found. */
  readonly find: FindName;
}

/** What is around a list of jobs. */
export interface Around {
  /** Variables of loops, with values they may have. */
  readonly loop: ReadonlyMap<string, unknown>;
  readonly stages: { readonly always: boolean; readonly tolerant: boolean };
}

/** What the lists of a case share. */
export interface CaseJobs {
  id(written: string): string;
  /** There is a job of this id, with a body of its own or without. */
  declare(written: string, hasBody: boolean): void;
  addBody(body: Body): number;
  /** @returns the `uses` of the pipeline, and names and samples of its outputs. */
  call(pipeline: string, whileDepthBelow: number | null): Called | null;
}

export interface Called {
  readonly uses: string;
  readonly outputs: ReadonlyMap<string, unknown>;
}

const POSITION = { file: 'case', line: 1, column: 1 };
const MAX_ITERATIONS = 100;

/** A list of jobs in short form. @throws CaseProblem for what is not understood. */
export function translateJobs(list: unknown, around: Around, shared: CaseJobs, where: string): JobPlan[] {
  if (!isListOfJobs(list)) throw new CaseProblem(`${where} has to be a list of jobs, not ${said(list)}`);
  const outputs = new Map(list.map((job) => [String(job['id']), outputsOf(job, shared, `job '${String(job['id'])}'`)]));
  const stages = readStages(list, (id) => shared.id(id), around.stages);
  return list.map((job) => {
    const fields = new Fields(job, `job ${said(job['id'])}`);
    return translateJob(fields, { around, outputs, stages, shared, list: where });
  });
}

interface JobList {
  readonly around: Around;
  /** Of the list's jobs, by id as written: names and samples. */
  readonly outputs: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  readonly stages: ReadonlyMap<string, StagePlan>;
  readonly shared: CaseJobs;
  readonly list: string;
}

function translateJob(fields: Fields, list: JobList): JobPlan {
  const { around, shared } = list;
  const written = fields.text('id');
  if (written === null) throw new CaseProblem(`a job in ${list.list} has no id`);
  const where = `job '${written}'`;
  const needs = fields.texts('needs') ?? [];
  const missing = needs.find((need) => !list.outputs.has(need));
  if (missing !== undefined) throw new CaseProblem(`${where} needs '${missing}', which there is not`);
  const findNeed = (name: string): ReturnType<FindName> => {
    const need = needs.find((id) => list.outputs.get(id)?.has(name));
    if (need !== undefined)
      return { text: `needs.${shared.id(need)}.outputs.${name}`, sample: list.outputs.get(need)?.get(name) };
    return around.loop.has(name) ? { text: `loop.${name}`, sample: around.loop.get(name) } : null;
  };
  const own = list.outputs.get(written);
  const findOwn: FindName = (name) =>
    own?.has(name) ? { text: `outputs.${name}`, sample: own.get(name) } : findNeed(name);
  const place: JobPlace = { where, find: findOwn, id: (id) => shared.id(id), isBeside: (id) => list.outputs.has(id) };

  const instances = fields.take('instances', 'strategy');
  const multiple = instances === undefined ? null : readInstances(instances, fields, findNeed, where);
  const doing = multiple?.doing ?? readDoing(withTicks(fields), where);
  const flow: JobFlowPlan = {
    ...readFlow(fields, doing, place),
    ...readSurroundings(fields, written, list),
    stage: list.stages.get(shared.id(written)) ?? null,
  };
  for (const name of ['stage', 'run_until_stage', 'delay_before', 'delay_after']) fields.take(name);
  const condition = fields.take('if');
  const base = {
    id: shared.id(written),
    position: POSITION,
    name: null,
    needs: needs.map((need) => shared.id(need)),
    if:
      condition === undefined || condition === null
        ? null
        : translateExpression(conditionOf(condition, where), findNeed),
    strategy: multiple?.strategy ?? null,
    concurrency: readMutex(fields, place),
    permissions: null,
    ...(JSON.stringify(flow) === JSON.stringify(NO_FLOW) ? {} : { flow }),
  };
  const loop = fields.take('loop');
  const uses = fields.text('uses', 'call');
  fields.take('title', 'notes', 'source', 'name', 'comment', 'description', 'wcp');
  fields.done();
  const call = uses === null ? doing.call : { pipeline: uses, whileDepthBelow: null };
  const called = call && shared.call(call.pipeline, call.whileDepthBelow);
  shared.declare(written, loop === undefined && !called);
  if (loop !== undefined) return { ...base, kind: 'loop', ...readLoop(loop, findNeed, list, where) };
  if (called) return { ...base, kind: 'call', uses: called.uses, with: {}, secrets: {} };
  const { jump } = doing.body;
  const behaviour = jump === null ? doing.body : { ...doing.body, jump: { ...jump, to: shared.id(jump.to) } };
  return stepsJob(base, shared.addBody({ behaviour, hook: null, find: findNeed }));
}

function withTicks(fields: Fields): unknown {
  const written = fields.take('do');
  const ticks = fields.take('ticks');
  if (ticks === undefined) return written;
  return [written ?? 'ok', { ticks }];
}

function stepsJob(base: Omit<JobPlan & { kind: 'gate' }, 'kind' | 'outputs'>, body: number): JobPlan {
  return {
    ...base,
    kind: 'steps',
    runsOn: 'any',
    environment: null,
    env: { [BODY]: String(body) },
    defaults: { shell: null, workingDirectory: null },
    outputs: {},
    timeoutMinutes: null,
    continueOnError: null,
    container: null,
    services: null,
    steps: [],
  };
}

/** The jobs around a job: lists of jobs, or `true` for one that is there to be noticed. */
function readSurroundings(
  fields: Fields,
  job: string,
  list: JobList,
): Pick<JobFlowPlan, 'before' | 'after' | 'onFailure' | 'onCancel' | 'finally'> {
  const { shared, around } = list;
  const read = (hook: string, ...names: readonly string[]): JobPlan[] => {
    const written = fields.take(...names);
    if (written === undefined || written === null || written === false) return [];
    if (written === true) {
      const body = shared.addBody({ behaviour: OK, hook: { job, name: hook }, find: () => null });
      return [stepsJob(plainBase(shared.id(`${job}-${hook}`)), body)];
    }
    const jobs = isMap(written) ? [written] : Array.isArray(written) ? (written as unknown[]) : [written];
    const sketches = jobs.map((sketch) => (typeof sketch === 'string' ? { id: sketch } : sketch));
    return translateJobs(sketches, { ...around, stages: NO_STAGES }, shared, `'${names[0]!}' of job '${job}'`);
  };
  return {
    before: read('before', 'before'),
    after: read('after', 'after'),
    onFailure: read('failure', ...(fields.has('on_failure_jobs') ? ['on_failure_jobs'] : ['on_failure'])),
    onCancel: [...read('cancel', 'on_cancel'), ...read('cancel', 'on_cancel_jobs')],
    finally: read('finally', 'finally'),
  };
}

const NO_STAGES = { always: false, tolerant: false };

function plainBase(id: string) {
  return {
    id,
    position: POSITION,
    name: null,
    needs: [],
    if: null,
    strategy: null,
    concurrency: null,
    permissions: null,
  };
}

function conditionOf(written: unknown, where: string): string | boolean {
  if (typeof written === 'string' || typeof written === 'boolean') return written;
  throw new CaseProblem(`${where}: ${said(written)} is no condition`);
}

function readInstances(
  written: unknown,
  job: Fields,
  find: FindName,
  where: string,
): { readonly strategy: StrategyPlan; readonly doing: Doing } {
  const members =
    typeof written === 'number' ? { count: written } : Array.isArray(written) ? { foreach: written } : written;
  const fields = new Fields(members, `${where}: instances`);
  const foreach = fields.take('foreach', 'for_each', 'items', 'matrix');
  const number = fields.take('count', 'instances') ?? fields.take('count_from');
  const dynamic = fields.flag('dynamic') ?? false;
  const list =
    typeof foreach === 'string' ? `\${{ ${listExpression(foreach, find)} }}` : (foreach as Template | undefined);
  const strategy: StrategyPlan = {
    matrix: list === undefined ? null : isMap(foreach) ? (foreach as TemplateMap) : { item: list },
    failFast: fields.flag('fail_fast'),
    maxParallel: fields.number('max_parallel'),
    multiple: {
      instances: list === undefined ? (count(number, { where, find }) ?? (dynamic ? 0 : 1)) : null,
      dynamic,
      sync: fields.flag('sync') ?? true,
      completeWhen: readCompleteWhen(fields.take('complete_when'), where, find),
    },
  };
  const ticks = fields.take('ticks') ?? job.take('ticks');
  const doings = fields.take('do') ?? job.take('do');
  fields.done();
  const doing = isListOfDoings(doings)
    ? joinDoings(doings.map((one) => readDoing(one, where)))
    : readDoing(doings, where);
  const timed = ticks === undefined ? null : readDoing({ ticks }, where).body;
  return {
    strategy,
    doing: timed === null ? doing : { ...doing, body: { ...doing.body, ticks: timed.ticks, ticksOf: timed.ticksOf } },
  };
}

function listExpression(name: string, find: FindName): string {
  const found = find(name);
  return found === null ? translateExpression(name, find) : `fromJSON(${found.text})`;
}

function readCompleteWhen(written: unknown, where: string, find: FindName) {
  if (written === undefined || written === null) return null;
  const fields = new Fields(
    typeof written === 'object' ? written : typeof written === 'number' ? { count: written } : { if: written },
    `${where}: complete_when`,
  );
  const counters = ['total', 'completed', 'success', 'failure', 'running'];
  const findCounter: FindName = (name) =>
    counters.includes(name) ? { text: `instances.${name}`, sample: '' } : find(name);
  const number = count(fields.take('count'), { where, find });
  const condition = fields.take('if', 'condition');
  const rest = fields.text('rest') ?? 'run';
  fields.done();
  if (rest !== 'run' && rest !== 'cancel') throw new CaseProblem(`${where}: unknown word '${rest}'`);
  return {
    count: number,
    if: condition === undefined ? null : translateExpression(conditionOf(condition, where), findCounter),
    rest,
  } as const;
}

/** Every variable around the loop is one of its own, and what becomes of it in the loop is what the loop's end says. */
function readLoop(written: unknown, find: FindName, { around, shared }: JobList, where: string) {
  const fields = new Fields(written, `${where}: loop`);
  const body = fields.take('body', 'jobs') ?? [];
  const own = fields.map('vars') ?? {};
  const maxIterations = fields.number('max_iterations', 'max', 'limit') ?? MAX_ITERATIONS;
  const condition = fields.take('while');
  const until = fields.take('until');
  fields.done();
  if (!isListOfJobs(body)) throw new CaseProblem(`${where}: the body of a loop has to be a list of jobs`);
  const made = body.flatMap((job) => [...outputsOf(job, shared, where)]);
  const samples = new Map<string, unknown>([...made, ...around.loop, ...Object.entries(own)]);
  const initial = [...samples].map(([name]): [string, Template] => {
    const value = own[name];
    if (typeof value === 'string' && find(value) !== null) return [name, `\${{ ${find(value)!.text} }}`];
    if (Object.hasOwn(own, name)) return [name, value as Template];
    return [name, around.loop.has(name) ? `\${{ loop.${name} }}` : ''];
  });
  const findVariable: FindName = (name) =>
    samples.has(name) ? { text: `loop.${name}`, sample: samples.get(name) } : null;
  const read = (text: unknown): string | null =>
    text === undefined || text === null ? null : translateExpression(conditionOf(text, where), findVariable);
  return {
    while: read(condition),
    until: read(until),
    maxIterations,
    vars: Object.fromEntries(initial),
    jobs: translateJobs(body, { loop: samples, stages: NO_STAGES }, shared, `the loop of ${where}`),
    outputs: Object.fromEntries([...samples.keys()].map((name) => [name, `\${{ loop.${name} }}`])),
  };
}

/** Names of what a job says when it ends, with values they may have. */
function outputsOf(job: Readonly<Record<string, unknown>>, shared: CaseJobs, where: string): Map<string, unknown> {
  const fields = new Fields(job, where);
  const loop = fields.take('loop');
  if (isMap(loop)) {
    const members = new Fields(loop, where);
    const body = members.take('body', 'jobs');
    const inner = isListOfJobs(body) ? body.flatMap((one) => [...outputsOf(one, shared, where)]) : [];
    return new Map([...inner, ...Object.entries(members.map('vars') ?? {})]);
  }
  const instances = fields.take('instances', 'strategy');
  const written = isMap(instances) ? (new Fields(instances, where).take('do') ?? fields.take('do')) : fields.take('do');
  const doing = isListOfDoings(written)
    ? joinDoings(written.map((one) => readDoing(one, where)))
    : readDoing(written, where);
  const uses = fields.text('uses', 'call');
  const call = uses === null ? doing.call : { pipeline: uses, whileDepthBelow: null };
  if (call) return new Map(shared.call(call.pipeline, call.whileDepthBelow)?.outputs ?? []);
  return new Map<string, unknown>([
    ...doing.body.inc.map((name): [string, unknown] => [name, 0]),
    ...(doing.body.echoItem ? [['item', ''] as [string, unknown]] : []),
    ...Object.entries(doing.body.outputs),
  ]);
}
