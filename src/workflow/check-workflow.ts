import { checkGrammar } from './check-grammar.ts';
import { checkConcurrency } from './check-job-values.ts';
import { checkJobs, jobsOf, regionsOf } from './check-jobs.ts';
import { checkKeys, type KnownNames } from './check-references.ts';
import { checkSelfCall } from './check-self-call.ts';
import { checkStages } from './check-stages.ts';
import { checkTriggers } from './check-triggers.ts';
import type { ProblemList } from './problem-list.ts';
import { WORKFLOW } from './workflow-grammar.ts';
import { child, entriesOf, type YamlNode } from './yaml-node.ts';

/** Reports everything that is wrong with a workflow file, and what in it cannot mean what it says. */
export function checkWorkflow(root: YamlNode, text: string, problems: ProblemList): void {
  checkGrammar(root, WORKFLOW, text, problems);
  const on = child(root, 'on');
  checkTriggers(on, problems);
  checkConcurrency(child(root, 'concurrency'), problems);
  const known: KnownNames = { contexts: { inputs: inputsOf(on), needs: null }, text, problems };
  if (root.kind === 'map') checkKeys(root, ['run-name', 'concurrency', 'env', 'fail-fast'], null, known);
  const nothing = new Set<string>();
  const jobs = jobsOf(root);
  checkSelfCall(root, jobs, problems);
  const around = { known, regions: regionsOf(jobs), outer: nothing, readable: nothing };
  checkJobs(child(root, 'jobs'), checkStages(root, problems), { ...around, level: 1 });
  const readable = new Set(entriesOf(child(root, 'jobs')).map(({ key }) => key));
  checkJobs(child(root, 'finally'), new Map(), { ...around, readable, level: 2 });
}

/** Inputs of every event that has some, as one run has the inputs of one of them. */
function inputsOf(on: YamlNode | null): ReadonlyMap<string, string> {
  const events = [child(on, 'workflow_call'), child(on, 'workflow_dispatch')];
  const names = events.flatMap((event) => entriesOf(child(event, 'inputs')).map(({ key }) => key));
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
