import type { AvailabilityKey } from '../expressions/availability.ts';
import { checkWorkflowUses } from './check-uses.ts';
import { checkIdentifier } from './check-identifier.ts';
import { containerGrammar, servicesGrammar } from './container-grammar.ts';
import {
  anything,
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
import { PERMISSIONS } from './permissions-grammar.ts';
import { stepsGrammar } from './step-grammar.ts';
import type { MapNode } from './yaml-node.ts';

/** `jobs` of a workflow. */
export function jobsGrammar(): Grammar {
  const shared: Readonly<Record<string, Grammar>> = {
    name: text('text', 'job.name'),
    needs: oneOrMore(nonEmptyText('the id of a job'), 'the id of a job, or a list of ids'),
    if: condition('job.if'),
    permissions: PERMISSIONS,
    concurrency: concurrencyGrammar('job.concurrency'),
    strategy: strategyGrammar(),
  };
  const steps: MapRule = { what: 'a job', keys: { ...shared, ...stepsJobKeys() }, required: STEPS_JOB_NEEDS };
  const call: MapRule = { what: 'a job that calls a workflow', keys: { ...shared, ...callJobKeys() } };
  const job: Grammar = { takes: 'a job', map: (node) => chooseJob(node, steps, call) };
  return {
    takes: 'jobs by id',
    map: {
      what: '`jobs`',
      keys: {},
      others: { value: job, check: checkIdentifier },
      empty: 'a workflow has at least one job',
    },
  };
}

/** `concurrency` of a workflow or a job. */
export function concurrencyGrammar(place: 'workflow.concurrency' | 'job.concurrency'): Grammar {
  return {
    ...nonEmptyText('the name of a group, or a mapping', place),
    map: {
      what: '`concurrency`',
      keys: {
        group: nonEmptyText('the name of a group', place),
        'cancel-in-progress': boolean(place),
        queue: choice(['single', 'max']),
      },
      required: { group: 'name the group of runs of which one goes at a time' },
    },
  };
}

/** `defaults` of a workflow or a job. */
export function defaultsGrammar(place?: AvailabilityKey): Grammar {
  return mapWith({
    what: '`defaults`',
    keys: {
      run: mapWith(
        {
          what: '`defaults.run`',
          keys: {
            shell: nonEmptyText('the name of a shell', place),
            'working-directory': nonEmptyText('a folder', place),
          },
        },
        place,
      ),
    },
  });
}

const STEPS_JOB_NEEDS = {
  'runs-on': 'name the runner that it runs on, such as `ubuntu-latest`',
  steps: 'list what it does, or call a workflow with `uses`',
};

function stepsJobKeys(): Readonly<Record<string, Grammar>> {
  const minutes = number('a number of minutes, 0 or more', 'job.timeout-minutes', { least: 0 });
  return {
    'runs-on': runsOnGrammar(),
    environment: environmentGrammar(),
    outputs: mapOf(text('text', 'job.outputs'), 'outputs by name'),
    env: mapOf(text('text', 'job.env'), 'environment variables', 'job.env'),
    defaults: defaultsGrammar('job.defaults.run'),
    steps: stepsGrammar(),
    'timeout-minutes': minutes,
    'cancel-timeout-minutes': minutes,
    'continue-on-error': boolean('job.continue-on-error'),
    container: containerGrammar(),
    services: servicesGrammar(),
    snapshot: snapshotGrammar(),
  };
}

function callJobKeys(): Readonly<Record<string, Grammar>> {
  const secret: Grammar = { takes: 'text', scalar: { kind: 'anything' }, expressions: 'job.secrets' };
  return {
    uses: nonEmptyText('a workflow, such as `./.github/workflows/FILE.yml`', undefined, checkWorkflowUses),
    with: mapOf(
      { takes: 'text, a number or true or false', scalar: { kind: 'anything' }, expressions: 'job.with' },
      'the inputs of the workflow',
    ),
    secrets: {
      ...choice(['inherit']),
      takes: '`inherit`, or secrets by name',
      map: { what: '`secrets`', keys: {}, others: { value: secret } },
    },
  };
}

function chooseJob(node: MapNode, steps: MapRule, call: MapRule): MapRule {
  const has = (key: string): boolean => node.entries.some((entry) => entry.key === key);
  const calls = has('uses');
  const rule = calls ? call : steps;
  const other = calls ? steps : call;
  const refused: Record<string, Refusal> = {};
  for (const { key } of node.entries) {
    if (key in rule.keys || !(key in other.keys)) continue;
    const reason = calls
      ? 'in a job that calls a workflow with `uses`; it belongs into the called workflow'
      : 'in a job with steps; it belongs to a job that calls a workflow with `uses`, or to a step';
    refused[key] = { rule: 'unknown-key', message: `\`${key}\` is not allowed ${reason}` };
  }
  // `with` or `secrets` alone: the `uses` is what is missing.
  const lost = !calls && !has('steps') && Object.keys(refused).length > 0;
  return lost ? { ...call, required: { uses: 'name the workflow that it calls' } } : { ...rule, refused };
}

function runsOnGrammar(): Grammar {
  const labels = oneOrMore(
    nonEmptyText('a label', 'job.runs-on'),
    'a label or a list of labels',
    'name at least one label',
  );
  return {
    ...labels,
    takes: 'a label, a list of labels, or a mapping with `group` and `labels`',
    map: {
      what: '`runs-on`',
      keys: { group: nonEmptyText('the name of a group of runners', 'job.runs-on'), labels },
      empty: 'it takes `group`, `labels` or both',
    },
  };
}

function environmentGrammar(): Grammar {
  return {
    ...text('the name of an environment, or a mapping', 'job.environment'),
    map: {
      what: '`environment`',
      keys: {
        name: text('the name of an environment', 'job.environment'),
        url: text('an address', 'job.environment.url'),
        deployment: boolean('job.environment'),
      },
      required: { name: 'name the environment' },
    },
  };
}

function strategyGrammar(): Grammar {
  const place = 'job.strategy';
  const combination: Grammar = mapOf(anything('a value', place), 'a combination of values', place);
  const combinations = { ...listOf(combination, 'a list of combinations'), expressions: place } as const;
  const values = {
    ...listOf(anything('a value', place), 'a list of values', 'a matrix key has at least one value'),
    expressions: place,
  } as const;
  const matrix: Grammar = {
    takes: 'lists of values by name, or an expression',
    expressions: place,
    map: {
      what: '`matrix`',
      keys: { include: combinations, exclude: combinations },
      others: { value: values },
      empty: 'name at least one list of values, or use `include`',
    },
  };
  const keys = {
    matrix,
    'fail-fast': boolean(place),
    'max-parallel': number('a whole number, 1 or more', place, { least: 1, whole: true }),
  };
  return mapWith({ what: '`strategy`', keys }, place);
}

function snapshotGrammar(): Grammar {
  return {
    ...nonEmptyText('the name of an image, or a mapping'),
    map: {
      what: '`snapshot`',
      keys: {
        'image-name': nonEmptyText('the name of an image'),
        version: nonEmptyText('a version'),
        if: condition('job.snapshot.if'),
      },
      required: { 'image-name': 'name the image' },
    },
  };
}
