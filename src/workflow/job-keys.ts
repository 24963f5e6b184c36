import type { AvailabilityKey } from '../expressions/availability.ts';
import { quote } from '../expressions/quote.ts';
import { checkWorkflowUses } from './check-uses.ts';
import { containerGrammar, servicesGrammar } from './container-grammar.ts';
import { DURATION, retryGrammar } from './flow-grammar.ts';
import {
  boolean,
  choice,
  condition,
  mapOf,
  mapWith,
  nonEmptyText,
  number,
  oneOrMore,
  text,
  type Grammar,
  type TextProblem,
} from './grammar.ts';
import { stepsGrammar } from './step-grammar.ts';

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

/** Keys that a job with steps has to have. */
export const STEPS_JOB_NEEDS = {
  'runs-on': 'name the runner that it runs on, such as `ubuntu-latest`',
  steps: 'list what it does, or call a workflow with `uses`',
};

/** Keys of a job with steps that other jobs do not take. */
export function stepsJobKeys(): Readonly<Record<string, Grammar>> {
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
    retry: retryGrammar(),
    stages: stagesGrammar(),
  };
}

/** Keys of a job that calls a workflow that other jobs do not take. */
export function callJobKeys(): Readonly<Record<string, Grammar>> {
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

/** Delays of the stages of a job's steps, by their numbers. */
function stagesGrammar(): Grammar {
  const delays = mapWith({
    what: 'a stage',
    keys: { 'delay-before': DURATION, 'delay-after': DURATION },
    empty: 'it takes `delay-before` and `delay-after`',
  });
  const check = (key: string): TextProblem | null =>
    /^(?:0|-?[1-9]\d{0,14})$/.test(key) ? null : { rule: 'stage', message: `${quote(key)} is no number of a stage` };
  return {
    takes: 'delays by the numbers of stages',
    map: {
      what: '`stages`',
      keys: {},
      others: { value: delays, check },
      empty: 'give a stage a delay, or leave it out',
    },
  };
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
