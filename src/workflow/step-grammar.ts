import { checkActionUses } from './check-uses.ts';
import { checkIdentifier } from './check-identifier.ts';
import { didYouMean } from './close-name.ts';
import {
  boolean,
  condition,
  list,
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
import type { MapNode } from './yaml-node.ts';

/** What makes a step the kind it is; each has exactly one of them (background-steps A1). */
const STEP_KINDS = ['run', 'uses', 'wait', 'wait-all', 'cancel', 'parallel'] as const;
export type StepKind = (typeof STEP_KINDS)[number];

const CONTROL_KINDS = ['wait', 'wait-all', 'cancel'] as const;

/** Kinds of a step by the keys that it has. */
export function kindsOf(node: MapNode): readonly StepKind[] {
  return STEP_KINDS.filter((kind) => node.entries.some(({ key }) => key === kind));
}

/** The steps of a job. */
export function stepsGrammar(): Grammar {
  const common = commonKeys('step');
  const action = {
    ...common,
    if: condition('step.if'),
    env: mapOf(text('text', 'step.env'), 'environment variables', 'step.env'),
    'timeout-minutes': number('a number of minutes, 0 or more', 'step.timeout-minutes', { least: 0 }),
    'stop-grace': STOP_GRACE,
  };
  const background = { background: boolean(), stage: STAGE_NUMBER };
  const run = { ...action, ...runKeys('step') };
  const uses = { ...action, ...usesKeys('step') };
  const keysOf: Readonly<Record<StepKind, Readonly<Record<string, Grammar>>>> = {
    run: { ...run, ...background },
    uses: { ...uses, ...background },
    wait: { ...common, wait: WAIT },
    'wait-all': { ...common, 'wait-all': WAIT_ALL },
    cancel: { ...common, cancel: CANCEL },
    parallel: { parallel: parallelGrammar({ run, uses }) },
  };
  const step: Grammar = {
    takes: 'a step',
    map: {
      choose: (node) => chooseStep(node, keysOf, STEP_KINDS, (kind, key) => refusalIn(kind, key, keysOf, node)),
      among: rulesOf(keysOf),
    },
    named: 'step',
  };
  return listOf(step, 'a list of steps', 'a job has at least one step');
}

/** The steps of a composite action. */
export function compositeStepsGrammar(): Grammar {
  const common = commonKeys('action.step');
  const action = {
    ...common,
    if: condition('action.step.if'),
    env: mapOf(text('text', 'action.step.env'), 'environment variables', 'action.step.env'),
  };
  const keysOf = {
    run: { ...action, ...runKeys('action.step') },
    uses: { ...action, ...usesKeys('action.step') },
  };
  const step: Grammar = {
    takes: 'a step',
    map: {
      choose: (node) => {
        const rule = chooseStep(node, keysOf, ['run', 'uses'], (_, key) => COMPOSITE_REFUSALS[key]);
        return rule.keys === keysOf.run
          ? { ...rule, required: { shell: 'a composite action has no default shell' } }
          : rule;
      },
      among: rulesOf(keysOf),
    },
  };
  return listOf(step, 'a list of steps', 'a composite action has at least one step');
}

function chooseStep<K extends StepKind>(
  node: MapNode,
  keysOf: Readonly<Record<K, Readonly<Record<string, Grammar>>>>,
  kinds: readonly K[],
  refuse: (kind: StepKind | null, key: string) => Refusal | undefined,
): MapRule {
  const found = kindsOf(node);
  const [first, second] = found;
  const known = kinds.find((kind) => kind === first) ?? null;
  const refused: Record<string, Refusal> = {};
  for (const { key } of node.entries) {
    const refusal = refuse(first ?? null, key);
    if (refusal) refused[key] = refusal;
  }
  if (first !== undefined && second !== undefined && refused[first] === undefined && refused[second] === undefined) {
    refused[second] = {
      rule: 'step-kind',
      message: `\`${second}\` cannot stand beside \`${first}\`: a step has exactly one of ${list(kinds, 'and')}`,
    };
    // What belongs to either of the two is not to be blamed as well.
    return {
      what: 'a step',
      keys: Object.assign({}, ...kinds.map((kind) => keysOf[kind])) as MapRule['keys'],
      refused,
    };
  }
  if (known !== null) return { what: `a \`${known}\` step`, keys: keysOf[known], refused };
  const keys = Object.assign({}, ...kinds.map((kind) => keysOf[kind])) as MapRule['keys'];
  if (first !== undefined) return { what: 'a step', keys, refused };
  // A misspelt kind is reported where it stands.
  if (node.entries.some(({ key }) => !(key in keys) && didYouMean(key, kinds) !== ''))
    return { what: 'a step', keys, refused };
  const message = `a step needs one of ${list(kinds)}`;
  return { what: 'a step', keys, refused, problem: { rule: 'step-kind', message } };
}

/** Each kind of step with the key that makes it. */
function rulesOf(keysOf: Readonly<Record<string, Readonly<Record<string, Grammar>>>>): readonly MapRule[] {
  return Object.entries(keysOf).map(([kind, keys]) => ({
    what: `a \`${kind}\` step`,
    keys,
    required: { [kind]: 'it makes the step what it is' },
  }));
}

function commonKeys(place: 'step' | 'action.step'): Readonly<Record<string, Grammar>> {
  return {
    name: text('text', `${place}.name`),
    id: nonEmptyText('an id', undefined, checkIdentifier),
    'continue-on-error': boolean(`${place}.continue-on-error`),
  };
}

function runKeys(place: 'step' | 'action.step'): Readonly<Record<string, Grammar>> {
  return {
    run: text('a script', `${place}.run`),
    shell: nonEmptyText('the name of a shell', `${place}.shell`),
    'working-directory': nonEmptyText('a folder', `${place}.working-directory`),
  };
}

function usesKeys(place: 'step' | 'action.step'): Readonly<Record<string, Grammar>> {
  return {
    uses: nonEmptyText('an action, such as `owner/name@ref`', undefined, checkActionUses),
    with: mapOf(text('text', `${place}.with`), 'the inputs of the action', `${place}.with`),
  };
}

const STOP_GRACE = mapWith({
  what: '`stop-grace`',
  keys: {
    'interrupt-seconds': number('a number of seconds, 0 or more', undefined, { least: 0 }),
    'terminate-seconds': number('a number of seconds, 0 or more', undefined, { least: 0 }),
  },
  empty: 'it takes `interrupt-seconds` and `terminate-seconds`',
});

/** What starts together; numbers may be negative and leave gaps. */
export const STAGE_NUMBER = number('a whole number', undefined, { whole: true });

const TARGET = nonEmptyText('the id of an earlier background step');
const WAIT = oneOrMore(
  TARGET,
  'the id of an earlier background step, or a list of ids',
  'name a background step, or use `wait-all`',
);
const CANCEL = TARGET;
const WAIT_ALL: Grammar = {
  takes: 'nothing, or `true`',
  nothing: true,
  scalar: { kind: 'boolean', only: true },
};

function parallelGrammar(keysOf: Readonly<Record<'run' | 'uses', Readonly<Record<string, Grammar>>>>): Grammar {
  const child: Grammar = {
    takes: 'a `run` or `uses` step',
    map: {
      choose: (node) => chooseStep(node, keysOf, ['run', 'uses'], (_, key) => PARALLEL_REFUSALS[key]),
      among: rulesOf(keysOf),
    },
    named: 'stepOfGroup',
  };
  return listOf(child, 'a list of steps', 'a group has at least one step');
}

const PARALLEL_REFUSALS: Readonly<Record<string, Refusal>> = {
  background: inParallel('`background` is not allowed inside `parallel`: its steps run in the background anyway'),
  wait: inParallel('`wait` is not allowed inside `parallel`: its steps start together; wait before the group'),
  'wait-all': inParallel('`wait-all` is not allowed inside `parallel`: the group waits for its own steps at its end'),
  cancel: inParallel('`cancel` is not allowed inside `parallel`: cancel after the group, or use a background step'),
  parallel: inParallel('`parallel` is not allowed inside `parallel`: put all steps into one group'),
  stage: inParallel('`stage` is not allowed inside `parallel`: its steps start together and are waited for together'),
};

function inParallel(message: string): Refusal {
  return { rule: 'parallel', message };
}

/** A key that another kind of step takes (background-steps A1, A15, A16). */
function refusalIn(
  kind: StepKind | null,
  key: string,
  keysOf: Readonly<Record<StepKind, Readonly<Record<string, Grammar>>>>,
  node: MapNode,
): Refusal | undefined {
  if (key === 'run-until-stage')
    return {
      rule: 'stage',
      message:
        '`run-until-stage` belongs to a job; steps with a `stage` are waited for at the end of their job, or by a `wait`',
    };
  if (key === 'background' && node.entries.some((entry) => entry.key === 'stage'))
    return {
      rule: 'stage',
      message: '`background` cannot stand beside `stage`, which runs the step in the background anyway',
    };
  if (kind === 'parallel' && key === 'stage') return PARALLEL_REFUSALS['stage'];
  if (kind === null || key in keysOf[kind]) return undefined;
  // A second key that makes a kind has a message of its own.
  if (STEP_KINDS.some((other) => other === key)) return undefined;
  const takers = STEP_KINDS.filter((other) => key in keysOf[other]);
  if (takers.length === 0) return undefined;
  const refusal = (reason: string): Refusal => ({
    rule: 'unknown-key',
    message: `\`${key}\` is not allowed ${reason}`,
  });
  if (kind === 'parallel')
    return refusal('beside `parallel`, which stands alone in its step; put it on the steps of the group');
  if (CONTROL_KINDS.some((control) => control === kind)) {
    const reason = key === 'if' ? `, which always runs` : `; it takes ${list(Object.keys(keysOf[kind]), 'and')}`;
    return refusal(`on a \`${kind}\` step${reason}`);
  }
  return refusal(`on a \`${kind}\` step; it belongs to ${list(takers)} steps`);
}

const COMPOSITE_REFUSALS: Readonly<Record<string, Refusal>> = {
  background: notInComposite('background'),
  wait: notInComposite('wait'),
  'wait-all': notInComposite('wait-all'),
  cancel: notInComposite('cancel'),
  parallel: notInComposite('parallel'),
  stage: notInComposite('stage'),
  'timeout-minutes': onOuterStep('timeout-minutes'),
  'stop-grace': onOuterStep('stop-grace'),
};

function notInComposite(key: string): Refusal {
  const message = `\`${key}\` is not allowed in a composite action: its steps run one after the other; the action as a whole may run in the background`;
  return { rule: 'unknown-key', message };
}

function onOuterStep(key: string): Refusal {
  const message = `\`${key}\` is not allowed in a composite action; put it on the step that uses the action`;
  return { rule: 'unknown-key', message };
}
