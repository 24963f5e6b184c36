import { checkKeys, checkStepReferences, checkValue, type KnownNames } from './check-references.ts';
import { AROUND_KEYS } from './flow-grammar.ts';
import { keyOf, type JobView } from './job-view.ts';
import { child, entriesOf, oneOrMany, type YamlNode } from './yaml-node.ts';

/** Keys with jobs in them have names of their own; keys with conditions deep inside are looked at by themselves. */
const LOOKED_AT_ELSEWHERE = new Set<string>([...AROUND_KEYS, 'steps', 'loop', 'branches', 'next', 'outputs', 'spawn']);

/** Warns where expressions of a job and its steps read what does not exist. */
export function checkJobReferences(job: JobView, around: KnownNames): void {
  const needs = fold(job.needs.map(({ value }) => value));
  const known: KnownNames = { ...around, contexts: { ...around.contexts, needs } };
  const steps = keyOf(job, 'steps');
  checkStepReferences(steps, known);
  const keys = job.node.entries.map(({ key }) => key).filter((key) => !LOOKED_AT_ELSEWHERE.has(key));
  checkKeys(job.node, keys, steps, known);
  checkValue(child(child(keyOf(job, 'strategy'), 'complete-when'), 'if'), 'condition', known);
  const ended = { ...known, contexts: { ...known.contexts, outputs: outputsOf(job) } };
  for (const { key, value } of entriesOf(keyOf(job, 'branches')))
    if (key !== 'default') checkValue(value, 'condition', ended);
  checkValue(keyOf(job, 'spawn'), 'template', ended);
  for (const entry of oneOrMany(keyOf(job, 'next'))) {
    checkValue(child(entry, 'if'), 'condition', ended);
    checkValue(child(entry, 'with'), 'template', ended);
  }
  checkLoop(job, known);
}

function checkLoop(job: JobView, known: KnownNames): void {
  const loop = keyOf(job, 'loop');
  if (loop === null) {
    checkKeys(job.node, ['outputs'], keyOf(job, 'steps'), known);
    return;
  }
  const vars = namesOf(child(loop, 'vars'));
  const contexts = {
    ...known.contexts,
    loop: new Map([...(known.contexts.loop ?? []), ...vars]),
    jobs: namesOf(child(loop, 'jobs')),
  };
  checkValue(child(loop, 'vars'), 'template', known);
  for (const key of ['while', 'until']) checkValue(child(loop, key), 'condition', { ...known, contexts });
  checkValue(keyOf(job, 'outputs'), 'template', { ...known, contexts });
}

/** Null where the called workflow says which there are. */
function outputsOf(job: JobView): ReadonlyMap<string, string> | null {
  return job.kind === 'call' ? null : namesOf(keyOf(job, 'outputs'));
}

function namesOf(node: YamlNode | null): ReadonlyMap<string, string> {
  return fold(entriesOf(node).map(({ key }) => key));
}

/** Names of a context do not differ by case. */
function fold(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
