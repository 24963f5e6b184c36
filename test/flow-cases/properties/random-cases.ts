/** Random cases: pipelines of jobs with all keys that order and choose, and what is done to their runs. */
import fc from 'fast-check';
import type { FlowCase } from '../case-file.ts';

const MAX_JOBS = 6;
const MAX_TICKS = 6;

type Members = Record<string, unknown>;

const ticks = fc.nat(MAX_TICKS);
/** Most jobs have few of the keys: it is there once in so many times. */
const sometimes = <T>(value: fc.Arbitrary<T>, times = 8): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const doing: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ticks }) },
  { weight: 2, arbitrary: fc.constant('ok') },
  { weight: 2, arbitrary: fc.record({ fail: fc.constant(true), ticks }) },
  { weight: 1, arbitrary: fc.record({ emit: fc.integer({ min: 1, max: 3 }), every: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ transient: fc.integer({ min: 1, max: 2 }), carry: fc.constant('n') }) },
  { weight: 1, arbitrary: fc.constant('suspend') },
  { weight: 1, arbitrary: fc.record({ call: fc.constantFrom('child', 'other') }) },
);

const join = fc.oneof(
  fc.constantFrom<unknown>('all', 'active', 'active', 'first', 'each', { mode: 'all', keep: true }),
  fc.record({ mode: fc.constant('each'), batch: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ count: fc.integer({ min: 1, max: 2 }), late: fc.constantFrom('ignore', 'queue', 'cancel') }),
);

const instances = fc.record({
  count: fc.integer({ min: 0, max: 3 }),
  sync: fc.boolean(),
  do: fc.record({ ticks }),
  complete_when: fc.option(
    fc.record({ count: fc.integer({ min: 1, max: 3 }), rest: fc.constantFrom('run', 'cancel') }),
    { nil: null },
  ),
});

const loop = fc.record({
  while: fc.constantFrom('i < 2', 'i < 0'),
  vars: fc.constant({ i: 0 }),
  body: fc.constantFrom(
    [{ id: 'turn', do: { inc: 'i', ticks: 1 } }],
    [
      { id: 'first', do: { ticks: 1 } },
      { id: 'turn', needs: ['first'], do: { inc: 'i' } },
    ],
  ),
});

const job = fc.record({
  needs: fc.array(fc.nat(MAX_JOBS), { maxLength: 3 }),
  do: doing,
  if: sometimes(fc.constantFrom<unknown>(false, true, 'always()', 'failure()')),
  join: sometimes(join, 3),
  choose: sometimes(
    fc.record({
      mode: fc.constantFrom('one', 'many'),
      taken: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      fallback: fc.boolean(),
    }),
  ),
  spawn: sometimes(fc.integer({ min: 0, max: 3 })),
  race: sometimes(fc.constant('race')),
  milestone: sometimes(
    fc.record({
      job: fc.nat(MAX_JOBS),
      status: fc.constantFrom('running', 'success', 'failure', 'completed'),
      otherwise: fc.constantFrom('skip', 'fail'),
    }),
  ),
  region: sometimes(fc.constantFrom<unknown>('x', ['x', 'y'])),
  cancels: sometimes(fc.record({ on: fc.constantFrom('start', 'success'), target: fc.nat(MAX_JOBS) })),
  section: sometimes(fc.constantFrom('lock:one', 'lock:two')),
  mutex: sometimes(fc.constantFrom('m', 'n'), 3),
  jump: sometimes(fc.record({ to: fc.nat(MAX_JOBS), times: fc.integer({ min: 1, max: 2 }) })),
  loop: sometimes(loop, 8),
  instances: sometimes(instances),
  before: sometimes(fc.boolean(), 8),
  after: sometimes(fc.boolean(), 8),
  on_failure_jobs: sometimes(fc.boolean(), 8),
  on_cancel: sometimes(fc.constant(true), 8),
  finally: sometimes(fc.constant(true), 8),
  on_failure: sometimes(fc.constantFrom('fail-run', 'stop-branch', 'ignore')),
  start_before_tick: sometimes(fc.integer({ min: 1, max: 8 }), 8),
  terminate: sometimes(fc.constantFrom('success', 'failure', 'cancelled'), 30),
});

const happening = fc.record({
  job: fc.nat(MAX_JOBS),
  status: fc.constantFrom('running', 'success', 'waiting'),
  act: fc.constantFrom('cancel_job', 'complete_job', 'cancel_run', 'cancel_region', 'signal', 'add_instance'),
});

export const cases: fc.Arbitrary<FlowCase> = fc
  .record({
    jobs: fc.array(job, { minLength: 1, maxLength: MAX_JOBS }),
    child: fc.array(job, { minLength: 1, maxLength: 2 }),
    other: fc.array(job, { minLength: 1, maxLength: 3 }),
    events: fc.array(happening, { maxLength: 2 }),
    failFast: fc.boolean(),
    pause: sometimes(ticks, 4),
  })
  .map(({ jobs, child, other, events, failFast, pause }) => ({
    id: 'random',
    body: {
      run: {
        'fail-fast': failFast,
        pipelines: { child: jobsOf(child, ['other']), other: jobsOf(other, []) },
      },
      jobs: jobsOf(jobs, ['child', 'other']),
      events: [
        ...events.map(({ job: index, status, act }) => eventOf(`j${index % jobs.length}`, status, act)),
        ...(pause === undefined
          ? []
          : [
              { after: pause, pause: true },
              { after: { run: 'paused' }, resume: true },
            ]),
      ],
      expect: {},
    },
  }));

/** Needs are earlier jobs; `callees`: pipelines that they may call. */
function jobsOf(list: readonly Members[], callees: readonly string[]): Members[] {
  const needs = list.map(({ needs: written }, index) => {
    const numbers = index === 0 ? [] : (written as number[]).map((need) => need % index);
    return [...new Set(numbers)].map((need) => `j${need}`);
  });
  return list.map((members, index) => {
    const dependants = list.flatMap((_, other) => (needs[other]?.includes(`j${index}`) ? [`j${other}`] : []));
    return plain({
      ...members,
      ...jobOf(members, index, { needs: needs[index] ?? [], count: list.length, dependants }, callees),
    });
  });
}

/** Ids of jobs; `count`: of all that are beside it. */
interface Neighbours {
  readonly needs: readonly string[];
  readonly count: number;
  readonly dependants: readonly string[];
}

function jobOf(
  members: Members,
  index: number,
  { needs, count, dependants }: Neighbours,
  callees: readonly string[],
): Members {
  const {
    jump,
    choose,
    milestone,
    cancels,
    join: joined,
  } = members as {
    jump?: { to: number; times: number };
    choose?: { mode: string; taken: boolean[]; fallback: boolean };
    milestone?: Members & { job: number };
    cancels?: { on: string; target: number };
    join?: unknown;
  };
  const id = `j${index}`;
  const body = members['do'] as Members | string | undefined;
  const calls = typeof body === 'object' && typeof body['call'] === 'string';
  const known = calls && !callees.includes(String(body['call'])) ? 'ok' : body;
  const isPlain = !calls && members['loop'] === undefined && members['instances'] === undefined;
  const jumps = jump !== undefined && isPlain && typeof body !== 'string';
  const around = (name: string): Members =>
    members[name] === true ? { [name]: [{ id: `${id}${name.slice(0, 3)}`, do: { ticks: 1 } }] } : { [name]: undefined };
  return {
    id,
    needs,
    do:
      members['loop'] !== undefined || members['instances'] !== undefined
        ? undefined
        : jumps
          ? { ...body, jump: { to: `j${jump.to % count}`, times: jump.times } }
          : known,
    loop: calls ? undefined : members['loop'],
    instances: calls || members['loop'] !== undefined ? undefined : members['instances'],
    jump: undefined,
    join: needs.length === 0 ? undefined : fitting(joined, needs.length),
    choose: choose === undefined || dependants.length === 0 ? undefined : choose.mode,
    branches:
      choose === undefined || dependants.length === 0
        ? undefined
        : {
            ...Object.fromEntries(dependants.map((dependant, at) => [dependant, choose.taken[at % 3] ?? true])),
            ...(choose.fallback ? { default: dependants[0] } : {}),
          },
    milestone: milestone === undefined || index === 0 ? undefined : { ...milestone, job: `j${milestone.job % index}` },
    cancels:
      cancels === undefined || index === 0
        ? undefined
        : { on: cancels.on, targets: [cancels.target % 2 === 0 ? 'region:x' : `j${cancels.target % index}`] },
    ...around('before'),
    ...around('after'),
    ...around('on_failure_jobs'),
  };
}

/** More than there are needs is refused before a run begins. */
function fitting(join: unknown, needs: number): unknown {
  if (typeof join !== 'object' || join === null || !('count' in join)) return join;
  return { ...join, count: Math.min(Number(join.count), needs) };
}

function eventOf(job: string, status: string, act: string): Members {
  const after = { job, status };
  switch (act) {
    case 'cancel_run':
      return { after, cancel_run: true };
    case 'cancel_region':
      return { after, cancel_region: 'x' };
    case 'signal':
      return { after, signal: 'go', to: job };
    default:
      return { after, [act]: job };
  }
}

function plain(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));
}
