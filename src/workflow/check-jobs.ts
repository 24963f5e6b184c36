import { checkBackground } from './check-background.ts';
import { checkChoice } from './check-choice.ts';
import { checkEndedJobs } from './check-ended-jobs.ts';
import { checkJobReferences } from './check-job-references.ts';
import { checkJobValues } from './check-job-values.ts';
import { checkJoin } from './check-join.ts';
import { checkMilestones } from './check-milestones.ts';
import { checkNeeds } from './check-needs.ts';
import type { KnownNames } from './check-references.ts';
import { checkRivalNeeds } from './check-rival-needs.ts';
import { checkRivals } from './check-rivals.ts';
import { checkStepStages } from './check-step-stages.ts';
import { checkSteps } from './check-steps.ts';
import { checkTargets } from './check-targets.ts';
import { AROUND_KEYS } from './flow-grammar.ts';
import { MAX_JOB_LEVELS } from './job-grammar.ts';
import { keyOf, mapJobs, viewJobs, type JobMap, type JobView } from './job-view.ts';
import { placedTexts } from './list-steps.ts';
import { child, entriesOf, entryOf, type YamlNode } from './yaml-node.ts';

/** Keys of a job that are recognised here and do nothing. */
const WITHOUT_EFFECT = ['snapshot', 'cancel-timeout-minutes'];

export interface JobsAround {
  readonly known: KnownNames;
  /** The jobs in whose loops or around which these are, and those beside them. */
  readonly outer: ReadonlySet<string>;
  /** Jobs that have ended before any of these begins, which they may read. */
  readonly readable: ReadonlySet<string>;
  readonly regions: JobMap['regions'];
  /** Of the mapping; that of the workflow is 1. */
  readonly level: number;
}

/** What the grammar cannot say about the jobs of a mapping, and about those inside of them. */
export function checkJobs(
  jobs: YamlNode | null,
  stages: ReadonlyMap<string, readonly string[]>,
  around: JobsAround,
): void {
  const { problems } = around.known;
  if (around.level > MAX_JOB_LEVELS) return;
  checkNeeds(jobs, around.readable, problems);
  const map = mapJobs(viewJobs(jobs), stages, { outer: around.outer, regions: around.regions, problems });
  checkMilestones(map);
  checkRivals(map);
  checkRivalNeeds(map);
  checkEndedJobs(map, around.level === 1);
  for (const job of map.jobs) {
    checkJob(job, around.known);
    checkJoin(job, map);
    checkChoice(job, map);
    checkTargets(job, map);
    if (nestedIn(job.node).some((inner) => inner !== null))
      checkNested(job, { ...around, outer: new Set([...around.outer, ...map.graph.ids]) });
  }
}

/** All jobs of a file, those inside of others too. */
export function jobsOf(root: YamlNode): readonly YamlNode[] {
  return [...jobsIn(child(root, 'jobs'), 1), ...jobsIn(child(root, 'finally'), 2)];
}

/** Names of regions. Null where a job calls another workflow, whose jobs may have more. */
export function regionsOf(jobs: readonly YamlNode[]): ReadonlySet<string> | null {
  if (jobs.some((job) => child(job, 'uses') !== null)) return null;
  return new Set(jobs.flatMap((job) => placedTexts(child(job, 'region')).map(({ value }) => value)));
}

function jobsIn(jobs: YamlNode | null, level: number): readonly YamlNode[] {
  if (level > MAX_JOB_LEVELS) return [];
  return entriesOf(jobs).flatMap(({ value: job }) => [
    job,
    ...nestedIn(job).flatMap((inner) => jobsIn(inner, level + 1)),
  ]);
}

function nestedIn(job: YamlNode): readonly (YamlNode | null)[] {
  return [...AROUND_KEYS.map((key) => child(job, key)), child(child(job, 'loop'), 'jobs')];
}

function checkNested(job: JobView, { level, ...around }: JobsAround): void {
  const { known } = around;
  const inner = { ...around, readable: new Set<string>(), level: level + 1 };
  const needs = job.needs.map(({ value }) => value);
  for (const key of AROUND_KEYS) {
    const readable = new Set(key === 'before' ? needs : [...needs, job.id]);
    checkJobs(keyOf(job, key), new Map(), { ...inner, readable });
  }
  const loop = keyOf(job, 'loop');
  const vars = entriesOf(child(loop, 'vars')).map(({ key }) => [key.toLowerCase(), key] as const);
  const names = new Map([...(known.contexts.loop ?? []), ...vars]);
  const inLoop = { ...known, contexts: { ...known.contexts, loop: names } };
  checkJobs(child(loop, 'jobs'), new Map(), { ...inner, known: inLoop });
}

function checkJob(job: JobView, known: KnownNames): void {
  const { problems } = known;
  const steps = keyOf(job, 'steps');
  checkSteps(steps, problems);
  checkBackground(steps, problems);
  checkStepStages(steps, keyOf(job, 'stages'), problems);
  checkJobReferences(job, known);
  checkJobValues(job, problems);
  for (const key of WITHOUT_EFFECT) {
    const span = entryOf(job.node, key)?.keySpan;
    if (span) problems.warning('no-effect', span, `\`${key}\` is recognised, but has no effect in Paceline`);
  }
}
