import { MAX_BACKOFF_FACTOR, MAX_MINUTES } from '../protocol/flow-plan.ts';
import { checkDuration, DURATION_PATTERN } from './duration.ts';
import {
  boolean,
  choice,
  condition,
  listOf,
  mapOf,
  mapWith,
  nonEmptyText,
  number,
  oneOrMore,
  text,
  type Grammar,
  type MapRule,
  type Refusal,
} from './grammar.ts';
import { checkStartTime } from './start-time.ts';
import { STAGE_NUMBER } from './step-grammar.ts';
import { entryOf, type MapNode } from './yaml-node.ts';

/** Jobs around a job, each key a mapping of jobs. */
export const AROUND_KEYS = ['before', 'after', 'on-failure', 'on-cancel', 'finally'] as const;

const JOB_ID = nonEmptyText('the id of a job');
/** Of jobs, rounds and jumps: more than that a run does not have. */
export const MAX_COUNT = 10_000;
const COUNT = number(`a whole number, 1 to ${MAX_COUNT}`, undefined, { least: 1, most: MAX_COUNT, whole: true });
const MINUTES = `a number of minutes from 0 to ${MAX_MINUTES}`;
const MINUTES_LIMITS = { least: 0, most: MAX_MINUTES };

export const DURATION: Grammar = {
  takes: 'a duration, such as `10s`',
  scalar: { kind: 'text', nonEmpty: true, check: checkDuration, pattern: DURATION_PATTERN },
};

/** Keys of ours that a job of any kind takes, but for those with jobs in them. */
export function flowKeys(): Readonly<Record<string, Grammar>> {
  return {
    join: joinGrammar(),
    choose: choice(['one', 'many']),
    branches: {
      takes: 'conditions by the ids of jobs, and `default`',
      map: {
        what: '`branches`',
        keys: { default: JOB_ID },
        others: { value: condition('job.branches') },
        empty: 'name the jobs to choose from, each with its condition',
      },
    },
    spawn: number(`a whole number, 1 to ${MAX_COUNT}`, 'job.spawn', { least: 1, most: MAX_COUNT, whole: true }),
    race: nonEmptyText('the name of a race', 'job.beginning'),
    milestone: mapWith({
      what: '`milestone`',
      keys: {
        job: JOB_ID,
        state: choice(['queued', 'running', 'waiting', 'success', 'failure', 'completed']),
        otherwise: choice(['skip', 'fail']),
      },
      required: {
        job: 'name the job that is looked at',
        state: 'say in which state that job is, such as `state: running`',
      },
    }),
    'wait-for': waitForGrammar(),
    region: oneOrMore(
      nonEmptyText('the name of a region'),
      'the name of a region, or a list of names',
      'name a region',
    ),
    cancels: cancelsGrammar(),
    section: mapWith({
      what: '`section`',
      keys: {
        lock: nonEmptyText('the name of a lock', 'job.beginning'),
        name: nonEmptyText('the name of the section'),
      },
      required: {
        lock: 'name what only one section has at a time',
        name: 'name the section; jobs with the same lock and name belong together',
      },
    }),
    next: nextGrammar(),
    failure: choice(['fail-run', 'stop-branch', 'ignore']),
    'start-within-minutes': number(MINUTES, 'job.start-within-minutes', MINUTES_LIMITS),
    'start-at': nonEmptyText('a point in time, such as `2030-01-31T06:00:00Z`', 'job.beginning', checkStartTime),
    terminate: choice(['success', 'failure', 'cancelled']),
  };
}

/** Keys that only the jobs of the workflow itself take. */
export const STAGE_KEYS: Readonly<Record<string, Grammar>> = {
  stage: STAGE_NUMBER,
  'run-until-stage': STAGE_NUMBER,
  'delay-before': DURATION,
  'delay-after': DURATION,
};

/** `retry` of a job with steps. */
export function retryGrammar(): Grammar {
  const code = number('an exit code, 1 to 255', undefined, { least: 1, most: 255, whole: true });
  const attempts = number(`a whole number, 1 to ${MAX_COUNT}`, 'job.retry', { least: 1, most: MAX_COUNT, whole: true });
  const keys = {
    'max-attempts': attempts,
    backoff: mapWith({
      what: '`backoff`',
      keys: {
        min: DURATION,
        max: DURATION,
        factor: number(`a number from 1 to ${MAX_BACKOFF_FACTOR}`, undefined, { least: 1, most: MAX_BACKOFF_FACTOR }),
        jitter: number('a number from 0 to 1', undefined, { least: 0, most: 1 }),
      },
    }),
    'exit-codes': {
      takes: 'exit codes, or `any`',
      scalar: { kind: 'choice', values: ['any'] },
      list: { item: code, empty: 'name the exit codes that ask for another attempt, or say `any`' },
    } satisfies Grammar,
  };
  return {
    ...attempts,
    takes: `a number of attempts, 1 to ${MAX_COUNT}, or a mapping with \`max-attempts\`, \`backoff\` and \`exit-codes\``,
    map: { what: '`retry`', keys },
  };
}

/** `loop` of a job. @param jobs Those that it runs again and again. */
export function loopGrammar(jobs: Grammar): Grammar {
  const inside = { adds: ['loop'] };
  return mapWith({
    what: '`loop`',
    keys: {
      while: { ...condition('job.loop.while'), ...inside },
      until: { ...condition('job.loop.until'), ...inside },
      'max-iterations': COUNT,
      vars: {
        takes: 'variables by name',
        map: {
          what: '`vars`',
          keys: {},
          refused: {
            index: {
              rule: 'value',
              message: '`index` is the number of the round, from 0; name the variable otherwise',
            },
          },
          others: {
            value: {
              takes: 'text, a number or true or false',
              scalar: { kind: 'anything' },
              expressions: 'job.loop.vars',
            },
          },
        },
      },
      jobs: { ...jobs, ...inside },
    },
    required: { jobs: 'list what it does in each round' },
  });
}

function joinGrammar(): Grammar {
  const modes = ['all', 'active', 'first', 'each'];
  const keys = {
    mode: choice(modes),
    count: COUNT,
    late: choice(['ignore', 'queue', 'cancel']),
    keep: boolean(),
    batch: COUNT,
    'count-ignored-failures': boolean(),
  };
  const whole: MapRule = { what: '`join`', keys, empty: 'it takes `mode`, `count` and what goes with them' };
  return {
    ...choice(modes),
    takes: '`all`, `active`, `first`, `each`, or a mapping with `mode` or `count`',
    map: { choose: (node) => ({ ...whole, refused: refusedInJoin(node) }), among: [whole] },
  };
}

/** Keys that belong to another mode. */
function refusedInJoin(node: MapNode): Readonly<Record<string, Refusal>> {
  const mode = entryOf(node, 'mode')?.value;
  const written = mode?.kind === 'scalar' ? mode.value : null;
  const counts = entryOf(node, 'count') !== null || written === 'first';
  const refused: Record<string, Refusal> = {};
  const only = (key: string, modes: string): void => {
    refused[key] = { rule: 'join', message: `\`${key}\` goes with ${modes} only` };
  };
  if (written !== null && entryOf(node, 'count') !== null)
    refused['mode'] = { rule: 'join', message: '`mode` cannot stand beside `count`, which is a mode of its own' };
  if (counts || (written ?? 'all') !== 'all') only('keep', '`mode: all`');
  if (!counts) only('late', '`count` or `mode: first`');
  if (!counts) only('count-ignored-failures', '`count` or `mode: first`');
  if (written !== 'each') only('batch', '`mode: each`');
  return refused;
}

function waitForGrammar(): Grammar {
  const signal = nonEmptyText('the name of a signal', 'job.beginning');
  return {
    ...signal,
    takes: 'the name of a signal, or a mapping with `signal`',
    map: {
      what: '`wait-for`',
      keys: {
        signal: oneOrMore(signal, 'the name of a signal, or a list of names', 'name the signals any of which will do'),
        buffered: boolean(),
        'timeout-minutes': number(MINUTES, 'job.beginning', MINUTES_LIMITS),
        from: oneOrMore(
          nonEmptyText('the name of a user', 'job.beginning'),
          'the name of a user, or a list of names',
          'name the users who may send it, or leave it out',
        ),
      },
      required: { signal: 'name what it waits for' },
    },
  };
}

function cancelsGrammar(): Grammar {
  const target = nonEmptyText('the id of a job, or `region:NAME`');
  const targets = oneOrMore(target, 'the id of a job, `region:NAME`, or a list of them', 'name what it cancels');
  return {
    ...targets,
    takes: 'the id of a job, `region:NAME`, a list of them, or a mapping with `on` and `targets`',
    map: {
      what: '`cancels`',
      keys: { on: choice(['start', 'success']), targets },
      required: { targets: 'name what it cancels' },
    },
  };
}

function nextGrammar(): Grammar {
  const entry: MapRule = {
    what: 'an entry of `next`',
    keys: {
      if: condition('job.next.if'),
      goto: JOB_ID,
      with: mapOf(text('text', 'job.next.with'), 'values by name'),
    },
    required: { goto: 'name the job where the run goes on' },
  };
  const takes = 'an entry with `goto`, or a list of them';
  return { ...listOf({ takes, map: entry }, takes, 'add an entry with `goto`'), map: entry };
}
