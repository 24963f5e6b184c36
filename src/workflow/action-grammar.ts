import { condition, IGNORED, list, mapOf, mapWith, nonEmptyText, text, type Grammar, type MapRule } from './grammar.ts';
import { compositeStepsGrammar } from './step-grammar.ts';
import { child, stringOf, type MapNode } from './yaml-node.ts';

/** What `runs.using` of an action says it is. */
export type ActionKind = 'composite' | 'docker' | { readonly node: number } | null;

/** Case does not matter to GitHub's runner. Versions that no runner has are told when the step runs. */
export function actionKind(using: string): ActionKind {
  const folded = using.toLowerCase();
  if (folded === 'composite' || folded === 'docker') return folded;
  const version = /^node([1-9]\d?)$/.exec(folded)?.[1];
  return version === undefined ? null : { node: Number(version) };
}

/**
 * An `action.yml`, as leniently as GitHub's runner reads it: only what it needs to run the action is checked, whatever
 * else is written there (runner-behaviour 2.15).
 */
export const ACTION: Grammar = {
  ...mapWith({
    what: 'an action',
    keys: {
      inputs: mapOrNothing(
        {
          takes: 'a mapping',
          nothing: true,
          map: {
            what: 'an input',
            keys: { default: text('text', 'action.input.default') },
            others: { value: IGNORED },
          },
        },
        'inputs by name',
      ),
      outputs: mapOrNothing(
        {
          takes: 'a mapping',
          nothing: true,
          map: {
            what: 'an output',
            keys: { value: text('text', 'action.output') },
            others: { value: IGNORED },
          },
        },
        'outputs by name',
      ),
      runs: { takes: 'a mapping with `using`', map: { choose: chooseRuns, among: [] } },
    },
    others: { value: IGNORED },
    required: { runs: 'say how it runs, such as `using: composite` with `steps`' },
  }),
  takes: 'a mapping with `runs`',
};

const EXPECTED = ['composite', 'docker', 'node20', 'node24'];

const USING = nonEmptyText('the kind of the action', undefined, (using) =>
  actionKind(using) === null
    ? { rule: 'value', message: `\`using\` is \`${using}\`, which is no kind of action; expected ${list(EXPECTED)}` }
    : null,
);

function chooseRuns(node: MapNode): MapRule {
  const using = stringOf(child(node, 'using'));
  const kind = using === null ? null : actionKind(using);
  const keys = { using: USING, ...keysOf(kind) };
  const required = { using: `expected ${list(EXPECTED)}` };
  if (kind === null) return { what: '`runs`', keys, others: { value: IGNORED }, required };
  if (kind === 'composite') return { what: '`runs`', keys, required: { ...required, steps: 'list what it does' } };
  if (kind === 'docker')
    return { what: '`runs`', keys, required: { ...required, image: 'name the image or the Dockerfile' } };
  return { what: '`runs`', keys, required: { ...required, main: 'name the script that it runs' } };
}

function keysOf(kind: ActionKind): Readonly<Record<string, Grammar>> {
  if (kind === null) return {};
  if (kind === 'composite') return { steps: COMPOSITE_STEPS };
  const conditions = { 'pre-if': condition('action.runs.if'), 'post-if': condition('action.runs.if') };
  const file = nonEmptyText('a file of the action');
  if (kind !== 'docker') return { main: file, pre: file, post: file, ...conditions };
  return {
    image: nonEmptyText('an image or a Dockerfile'),
    entrypoint: nonEmptyText('a command'),
    'pre-entrypoint': nonEmptyText('a command'),
    'post-entrypoint': nonEmptyText('a command'),
    args: { takes: 'a list of arguments', list: { item: text('text', 'action.docker.args') } },
    env: mapOf(text('text', 'action.docker.env'), 'environment variables', 'action.docker.env'),
    ...conditions,
  };
}

const COMPOSITE_STEPS = compositeStepsGrammar();

function mapOrNothing(value: Grammar, what: string): Grammar {
  return { ...mapOf(value, what), nothing: true };
}
