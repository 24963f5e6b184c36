import { needsOf } from './check-needs.ts';
import { JobGraph } from './job-graph.ts';
import { kindOfJob, type JobKind } from './job-kind.ts';
import type { PlacedText } from './list-steps.ts';
import { conditionText } from './lower-template.ts';
import type { ProblemList, Span } from './problem-list.ts';
import { child, entriesOf, entryOf, type MapNode, type YamlNode } from './yaml-node.ts';

/** A job as the checks see it: whatever is in it may be missing or wrong. */
export interface JobView {
  readonly id: string;
  readonly idSpan: Span;
  readonly node: MapNode;
  readonly kind: JobKind;
  readonly needs: readonly PlacedText[];
}

/** The jobs of one mapping, which know each other. */
export interface JobMap {
  readonly jobs: readonly JobView[];
  readonly byId: ReadonlyMap<string, JobView>;
  /** Of `needs` and stages. */
  readonly graph: JobGraph;
  /** Jobs around the job that these jobs are in, which `cancels` reaches too. */
  readonly outer: ReadonlySet<string>;
  /** The regions that jobs of the file have; null where a workflow that it calls may have more. */
  readonly regions: ReadonlySet<string> | null;
  readonly problems: ProblemList;
  /** True where a job may begin anew by a jump. */
  readonly mayJump: () => boolean;
}

export function viewJobs(jobs: YamlNode | null): readonly JobView[] {
  return entriesOf(jobs).flatMap(({ key, keySpan, value }) =>
    value.kind === 'map'
      ? [{ id: key, idSpan: keySpan, node: value, kind: kindOfJob(value), needs: needsOf(value) }]
      : [],
  );
}

/** @param stages What the jobs wait for by their stages. */
export function mapJobs(
  jobs: readonly JobView[],
  stages: ReadonlyMap<string, readonly string[]>,
  shared: Pick<JobMap, 'outer' | 'regions' | 'problems'>,
): JobMap {
  const waits = jobs.map(
    ({ id, needs }) => [id, [...needs.map(({ value }) => value), ...(stages.get(id) ?? [])]] as const,
  );
  return {
    jobs,
    byId: new Map(jobs.map((job) => [job.id, job])),
    graph: new JobGraph(new Map(waits)),
    ...shared,
    mayJump: once(() => jobs.some(jumps)),
  };
}

function jumps(job: JobView): boolean {
  return keyOf(job, 'next') !== null || mentions(keyOf(job, 'steps'), 'PACELINE_GOTO');
}

function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | null = null;
  return () => (known ??= { value: compute() }).value;
}

/** True where a text in a value has this word. */
export function mentions(node: YamlNode | null, word: string): boolean {
  switch (node?.kind) {
    case undefined:
      return false;
    case 'scalar':
      return typeof node.value === 'string' && node.value.includes(word);
    case 'list':
      return node.items.some((item) => mentions(item, word));
    case 'map':
      return node.entries.some(({ value }) => mentions(value, word));
  }
}

export function keyOf(job: JobView, key: string): YamlNode | null {
  return child(job.node, key);
}

/** Its `if`, without `${{ }}` around it; null where it has none. */
export function conditionOf(job: JobView): string | null {
  return conditionText(keyOf(job, 'if'));
}

/** Where a key of a job stands; the id of the job when it is not there. */
export function spotOfKey({ node, idSpan }: JobView, key: string): Span {
  return entryOf(node, key)?.keySpan ?? idSpan;
}
