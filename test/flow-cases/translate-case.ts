import { type FlowInput, RUN_EVERYTHING } from '../../src/flow/flow-input.ts';
import type { WorkflowFlowPlan } from '../../src/protocol/flow-plan.ts';
import type { JobPlan, WorkflowPlan } from '../../src/protocol/plan.ts';
import type { FlowCase } from './case-file.ts';
import { CaseProblem, Fields, isMap } from './fields.ts';
import { type CaseEvent, readEvents } from './case-events.ts';
import type { JobIds } from './job-name.ts';
import { readConcurrency } from './translate-flow.ts';
import { type Around, type Body, type Called, translateJobs } from './translate-jobs.ts';

/** A case as plans, and what its bodies do. */
export interface TranslatedCase extends JobIds {
  readonly id: string;
  readonly input: FlowInput;
  /** By the number that the plan of a job says. */
  readonly bodies: readonly Body[];
  /** How many runs there are. */
  readonly starts: number;
  readonly twice: boolean;
  readonly crash: boolean;
  readonly events: readonly CaseEvent[];
  readonly expect: Readonly<Record<string, unknown>>;
  /** Ids of the plans of jobs that have a body of their own: no loops and calls. */
  readonly withBody: ReadonlySet<string>;
  /** Name of the pipeline that a `uses` calls. */
  readonly pipelines: ReadonlyMap<string, string>;
}

/** @throws CaseProblem for what is not understood. */
export function translateCase({ id, body }: FlowCase): TranslatedCase {
  const fields = new Fields(body, 'the case');
  fields.take('id');
  for (const name of ['wcp', 'title', 'source', 'notes', 'comment', 'description', 'name']) fields.take(name);
  const run = new Fields(fields.take('run') ?? {}, 'run');
  const jobs = fields.take('jobs');
  const events = fields.take('events') ?? [];
  const expect = fields.map('expect') ?? {};
  fields.done();

  const pipelines = new Map<string, Pipeline>([[SELF, { jobs, run: null }]]);
  for (const [name, value] of Object.entries(run.map('pipelines') ?? {}))
    pipelines.set(name, readPipeline(name, value));
  const starts = run.number('starts') ?? 1;
  const twice = isTwice(run.take('deliver'));
  const crash = isEachCommit(run.take('crash'));
  const translator = new CaseTranslator(pipelines);
  const root = translator.root(jobs, run);
  run.done();
  const ids: JobIds = {
    planId: (written) => translator.id(written),
    isDeclared: (written) => translator.declared.has(written),
    hasJob: (id) => [...translator.declared].some((written) => translator.id(written) === id),
  };
  return {
    id,
    input: { ...translator.input(root), contexts: { github: {}, inputs: {}, vars: {} }, options: RUN_EVERYTHING },
    bodies: translator.bodies,
    starts,
    twice,
    crash,
    events: readEvents(events, ids),
    expect,
    ...ids,
    withBody: translator.withBody,
    pipelines: translator.names,
  };
}

/** What a pipeline calls itself. */
const SELF = 'self';

interface Pipeline {
  readonly jobs: unknown;
  readonly run: Record<string, unknown> | null;
}

function readPipeline(name: string, written: unknown): Pipeline {
  if (Array.isArray(written)) return { jobs: written, run: null };
  const fields = new Fields(written, `pipeline '${name}'`);
  const jobs = fields.take('jobs');
  const run = fields.map('run');
  const others = Object.fromEntries(fields.rest());
  return { jobs, run: { ...others, ...run } };
}

function isTwice(written: unknown): boolean {
  if (written === undefined || written === null || written === 'once' || written === 1) return false;
  if (written === 'twice' || written === 2) return true;
  throw new CaseProblem(`run: unknown word ${JSON.stringify(written)} for deliver`);
}

function isEachCommit(written: unknown): boolean {
  if (written === undefined || written === null || written === false) return false;
  if (written === 'each-commit' || written === 'each_commit' || written === true) return true;
  throw new CaseProblem(`run: unknown word ${JSON.stringify(written)} for crash`);
}

class CaseTranslator {
  readonly bodies: Body[] = [];
  readonly names = new Map<string, string>();
  /** Ids of jobs, as written. */
  readonly declared = new Set<string>();
  readonly withBody = new Set<string>();
  readonly #pipelines: ReadonlyMap<string, Pipeline>;
  readonly #workflows = new Map<string, WorkflowPlan>();
  readonly #called = new Map<string, Called>();
  readonly #ids = new Map<string, string>();
  /** Below this depth pipelines are the same at all depths. */
  readonly #depths: number;

  constructor(pipelines: ReadonlyMap<string, Pipeline>) {
    this.#pipelines = pipelines;
    this.#depths = Math.max(0, ...[...pipelines.values()].map(({ jobs }) => deepest(jobs)));
  }

  /** Ids of cases may be anything; ours are those of GitHub, and `A` and `a` are one. */
  id(written: string): string {
    const known = this.#ids.get(written);
    if (known !== undefined) return known;
    const plain = written.replaceAll(/[^\w-]/g, (character) => `_x${character.charCodeAt(0).toString(16)}`);
    let id = /^[A-Za-z_]/.test(plain) ? plain : `_${plain}`;
    const taken = new Set([...this.#ids.values()].map((other) => other.toLowerCase()));
    while (taken.has(id.toLowerCase())) id += '_';
    this.#ids.set(written, id);
    return id;
  }

  root(jobs: unknown, run: Fields): WorkflowPlan {
    return this.#workflow(SELF, jobs, 0, run);
  }

  input(root: WorkflowPlan): Pick<FlowInput, 'workflows' | 'calls'> {
    const called = [...this.#workflows];
    return {
      workflows: [root, ...called.map(([, plan]) => plan)],
      calls: Object.fromEntries(called.map(([uses], index) => [uses, index + 1])),
    };
  }

  #workflow(name: string, jobs: unknown, depth: number, run: Fields): WorkflowPlan {
    const stages = {
      always: run.text('job_stages') === 'sequential',
      tolerant: run.text('stage_failure') === 'continue',
    };
    const around: Around = { loop: new Map(), stages };
    const list = (written: unknown, where: string): JobPlan[] =>
      translateJobs(
        written,
        around,
        {
          id: (written) => this.id(written),
          declare: (written, hasBody) => {
            this.declared.add(written);
            if (hasBody) this.withBody.add(this.id(written));
          },
          addBody: (body) => this.bodies.push(body) - 1,
          call: (pipeline, below) => this.#call(pipeline === SELF ? name : pipeline, depth, below),
        },
        where,
      );
    const limits = new Fields(run.take('limits') ?? {}, 'limits');
    const maxJumps = run.number('max_jumps') ?? limits.number('max_jumps');
    const maxDepth = run.number('max_depth') ?? limits.number('max_depth');
    limits.done();
    const failFast = run.flag('fail_fast');
    const last = run.take('finally');
    const concurrency = run.take('concurrency');
    const flow: WorkflowFlowPlan = {
      failFast,
      limits: { maxJumps, maxDepth },
      finally: last === undefined ? [] : list(last, `'finally' of the run`),
    };
    const isPlain = failFast === null && maxJumps === null && maxDepth === null && flow.finally.length === 0;
    return {
      path: `${name}.yml`,
      name,
      runName: null,
      on: { workflow_call: { ...CALLABLE, outputs: outputsFor(this.#outputs(name, depth)) } },
      env: {},
      defaults: { shell: null, workingDirectory: null },
      concurrency: concurrency === undefined ? null : readConcurrency(concurrency, name, 'run: concurrency'),
      permissions: null,
      jobs: list(jobs, name === SELF ? 'the case' : `pipeline '${name}'`),
      ...(isPlain ? {} : { flow }),
    };
  }

  /** Null: the recursion stops there. */
  #call(pipeline: string, depth: number, below: number | null): Called | null {
    if (below !== null && depth >= below) return null;
    const { jobs, run } = this.#pipelines.get(pipeline) ?? {};
    if (jobs === undefined) throw new CaseProblem(`there is no pipeline '${pipeline}'`);
    const level = Math.min(depth + 1, this.#depths);
    const uses = `./${pipeline}@${level}.yml`;
    const known = this.#called.get(uses);
    if (known) return known;
    const outputs = new Map<string, unknown>();
    const called = { uses, outputs };
    // It may call itself, so it is known before it is made.
    this.#called.set(uses, called);
    this.names.set(uses, pipeline);
    for (const [name, { sample }] of this.#outputs(pipeline, level)) outputs.set(name, sample);
    this.#workflows.set(uses, EMPTY);
    const fields = new Fields(run ?? {}, `pipeline '${pipeline}'`);
    this.#workflows.set(uses, this.#workflow(pipeline, jobs, level, fields));
    fields.done();
    return called;
  }

  /** Of a pipeline: what its jobs say when they end; of two of a name the later one that says something. */
  #outputs(pipeline: string, depth: number): Map<string, { readonly sample: unknown; readonly jobs: string[] }> {
    const outputs = new Map<string, { sample: unknown; jobs: string[] }>();
    const jobs = this.#pipelines.get(pipeline)?.jobs;
    for (const job of Array.isArray(jobs) ? (jobs as unknown[]) : []) {
      if (!isMap(job)) continue;
      const names = statedOutputs(job);
      for (const [name, sample] of names) {
        const known = outputs.get(name);
        outputs.set(name, { sample, jobs: [this.id(String(job['id'])), ...(known?.jobs ?? [])] });
      }
      const called = calledBy(job);
      if (called === null || called.pipeline === SELF || called.pipeline === pipeline || depth > MAX_OUTPUT_DEPTH)
        continue;
      for (const [name, { sample }] of this.#outputs(called.pipeline, depth + 1)) {
        outputs.set(name, { sample, jobs: [this.id(String(job['id'])), ...(outputs.get(name)?.jobs ?? [])] });
      }
    }
    return outputs;
  }
}

const MAX_OUTPUT_DEPTH = 20;
const CALLABLE = {
  types: null,
  branches: null,
  branchesIgnore: null,
  tags: null,
  tagsIgnore: null,
  paths: null,
  pathsIgnore: null,
  workflows: null,
  schedules: [],
  inputs: {},
  secrets: {},
};
const EMPTY = {} as WorkflowPlan;

function outputsFor(outputs: ReadonlyMap<string, { readonly jobs: readonly string[] }>) {
  return Object.fromEntries(
    [...outputs].map(([name, { jobs }]) => [
      name,
      { value: `\${{ ${jobs.map((job) => `jobs.${job}.outputs.${name}`).join(' || ')} }}` },
    ]),
  );
}

/** Of every `out` below the job's own body. */
function statedOutputs(job: Record<string, unknown>): [string, unknown][] {
  const found: [string, unknown][] = [];
  const look = (value: unknown): void => {
    if (value === 'echo-item') found.push(['item', '']);
    if (Array.isArray(value)) value.forEach(look);
    if (!isMap(value)) return;
    for (const [name, member] of Object.entries(value)) {
      if (name === 'out' && isMap(member)) found.push(...Object.entries(member));
      else if (name === 'vars' && isMap(member)) found.push(...Object.entries(member));
      else if (['do', 'instances', 'loop', 'body', 'jobs'].includes(name)) look(member);
    }
  };
  look(job);
  return found;
}

function calledBy(job: Record<string, unknown>): { readonly pipeline: string } | null {
  const doing = job['do'];
  if (isMap(doing) && typeof doing['call'] === 'string') return { pipeline: doing['call'] };
  return typeof job['uses'] === 'string' ? { pipeline: job['uses'] } : null;
}

function deepest(jobs: unknown): number {
  const text = JSON.stringify(jobs ?? null);
  return Math.max(0, ...[...text.matchAll(/"while[-_]?depth[-_]?below":\s*(\d+)/gi)].map(([, depth]) => Number(depth)));
}
