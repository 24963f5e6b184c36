import { checkBackground } from './check-background.ts';
import { checkGrammar } from './check-grammar.ts';
import { checkNeeds, needsOf } from './check-needs.ts';
import { checkKeys, checkStepReferences, type KnownNames } from './check-references.ts';
import { checkSteps } from './check-steps.ts';
import { checkTriggers } from './check-triggers.ts';
import type { ProblemList } from './problem-list.ts';
import { WORKFLOW } from './workflow-grammar.ts';
import { child, entriesOf, entryOf, type MapNode, type YamlNode } from './yaml-node.ts';

/** Reports everything that is wrong with a workflow file, and what in it cannot mean what it says. */
export function checkWorkflow(root: YamlNode, text: string, problems: ProblemList): void {
  checkGrammar(root, WORKFLOW, text, problems);
  const on = child(root, 'on');
  const jobs = child(root, 'jobs');
  checkTriggers(on, problems);
  checkNeeds(jobs, problems);
  const inputs = inputsOf(on);
  if (root.kind === 'map') {
    checkKeys(root, ['run-name', 'concurrency', 'env'], null, { contexts: { inputs, needs: null }, text, problems });
  }
  for (const { value: job } of entriesOf(jobs)) {
    if (job.kind !== 'map') continue;
    const needs = new Map(needsOf(job).map(({ value }) => [value.toLowerCase(), value]));
    checkJob(job, { contexts: { inputs, needs }, text, problems });
  }
}

/** Keys of a job that are recognised here and do nothing. */
const WITHOUT_EFFECT = ['snapshot', 'cancel-timeout-minutes'];

function checkJob(job: MapNode, known: KnownNames): void {
  const steps = child(job, 'steps');
  checkSteps(steps, known.problems);
  checkBackground(steps, known.problems);
  checkStepReferences(steps, known);
  const keys = job.entries.map(({ key }) => key).filter((key) => key !== 'steps');
  checkKeys(job, keys, steps, known);
  for (const key of WITHOUT_EFFECT) {
    const span = entryOf(job, key)?.keySpan;
    if (span) known.problems.warning('no-effect', span, `\`${key}\` is recognised, but has no effect in Paceline`);
  }
}

/** Inputs of every event that has some, as one run has the inputs of one of them. */
function inputsOf(on: YamlNode | null): ReadonlyMap<string, string> {
  const events = [child(on, 'workflow_call'), child(on, 'workflow_dispatch')];
  const names = events.flatMap((event) => entriesOf(child(event, 'inputs')).map(({ key }) => key));
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
