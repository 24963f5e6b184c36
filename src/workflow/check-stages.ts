import { quote } from '../expressions/quote.ts';
import { needsOf } from './check-needs.ts';
import { STAGE_KEYS } from './flow-grammar.ts';
import type { ProblemList } from './problem-list.ts';
import { readStages, type StagedJob } from './read-stages.ts';
import { stageWaits } from './stage-waits.ts';
import { child, entriesOf, entryOf, type YamlNode } from './yaml-node.ts';

/** Ids that the stages of a file may come to, in all that its jobs wait for. */
export const MAX_STAGE_WAITS = 100_000;

/** Checks the stages of a workflow. Returns what its jobs wait for by them. */
export function checkStages(root: YamlNode, problems: ProblemList): ReadonlyMap<string, readonly string[]> {
  const staged = readStages(root);
  refuseBesideNeeds(root, staged === null, problems);
  if (staged === null) {
    const policy = entryOf(root, 'stage-failure');
    if (policy) problems.error('stage', policy.keySpan, '`stage-failure` has no effect: no job has a `stage`');
    return new Map();
  }
  checkTargets(staged, problems);
  const waits = stageWaits(staged);
  const total = [...waits.values()].reduce((sum, wait) => sum + wait.waitsFor.length + wait.startsAfter.length, 0);
  if (total > MAX_STAGE_WAITS) {
    const message = `the stages have too many jobs: in all, they wait for ${total} others, and the limit is ${MAX_STAGE_WAITS}`;
    problems.error('stage', entryOf(root, 'jobs')?.keySpan ?? { start: 0, end: 1 }, message);
    return new Map();
  }
  return new Map([...waits].map(([id, { waitsFor, startsAfter }]) => [id, [...waitsFor, ...startsAfter]]));
}

function refuseBesideNeeds(root: YamlNode, noStages: boolean, problems: ProblemList): void {
  for (const { key: id, value: job } of entriesOf(child(root, 'jobs'))) {
    const needs = needsOf(job).length > 0;
    for (const { key, keySpan } of entriesOf(job)) {
      if (!(key in STAGE_KEYS)) continue;
      if (needs) {
        const message = `\`${key}\` cannot stand beside \`needs\`: job ${quote(id)} starts when what it needs has ended, and is in no stage`;
        problems.error('stage', keySpan, message);
      } else if (noStages) {
        const message = `\`${key}\` has no effect: the jobs have no stages; give them a \`stage\`, or say \`job-stages: sequential\``;
        problems.error('stage', keySpan, message);
      }
    }
  }
}

function checkTargets(staged: readonly StagedJob[], problems: ProblemList): void {
  const numbers = new Set(staged.map(({ stage }) => stage));
  for (const { id, entry, stage, until } of staged) {
    const written = entryOf(entry.value, 'run-until-stage');
    if (until === null || !written) continue;
    const end = 'nothing but the end of the run waits for the job';
    if (until <= stage)
      problems.warning(
        'stage',
        written.value.span,
        `job ${quote(id)} is in stage ${stage} itself, so ${end}; name a later stage`,
      );
    else if (!numbers.has(until))
      problems.warning('stage', written.value.span, `no job is in stage ${until}, so ${end}`);
  }
}
