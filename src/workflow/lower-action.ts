import { actionKind } from './action-grammar.ts';
import type { ActionInput, ActionManifest, ActionRuns } from './action-manifest.ts';
import { lowerCompositeSteps } from './lower-steps.ts';
import { conditionText, optionalText, textTemplate } from './lower-template.ts';
import type { ProblemList } from './problem-list.ts';
import { child, entriesOf, type YamlNode } from './yaml-node.ts';

/** What GitHub's runner takes for `pre-if` and `post-if` when they are absent. */
const ALWAYS = 'always()';

/** The manifest of an action that was checked and has no errors. */
export function lowerAction(root: YamlNode, problems: ProblemList): ActionManifest {
  const byName = <T>(key: string, lower: (value: YamlNode) => T): Record<string, T> =>
    Object.fromEntries(entriesOf(child(root, key)).map((entry) => [entry.key, lower(entry.value)]));
  return {
    name: optionalText(child(root, 'name')),
    description: optionalText(child(root, 'description')),
    inputs: byName('inputs', lowerInput),
    outputs: byName('outputs', (output) => ({ value: textTemplate(child(output, 'value')) })),
    runs: lowerRuns(child(root, 'runs'), problems),
  };
}

function lowerInput(input: YamlNode): ActionInput {
  return {
    default: textTemplate(child(input, 'default')),
    // Many manifests have it in quotes.
    required: optionalText(child(input, 'required'))?.toLowerCase() === 'true',
    deprecationMessage: optionalText(child(input, 'deprecationMessage')),
    description: optionalText(child(input, 'description')),
  };
}

function lowerRuns(runs: YamlNode | null, problems: ProblemList): ActionRuns {
  const text = (key: string): string | null => optionalText(child(runs, key));
  const kind = actionKind(text('using') ?? '');
  if (kind === null || kind === 'composite') {
    return { using: 'composite', steps: lowerCompositeSteps(child(runs, 'steps'), problems) };
  }
  if (kind === 'docker') return { using: 'docker', image: text('image') ?? '' };
  return {
    using: 'node',
    version: kind.node,
    main: text('main') ?? '',
    pre: text('pre'),
    preIf: conditionText(child(runs, 'pre-if')) ?? ALWAYS,
    post: text('post'),
    postIf: conditionText(child(runs, 'post-if')) ?? ALWAYS,
  };
}
