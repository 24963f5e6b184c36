import { needsOf } from './check-needs.ts';
import { child, entriesOf, stringOf, type MapEntry, type YamlNode } from './yaml-node.ts';

/** A job of the stages of a workflow. */
export interface StagedJob {
  readonly id: string;
  readonly entry: MapEntry;
  readonly stage: number;
  /** Only the jobs of this stage wait for it; null: all later ones do. */
  readonly until: number | null;
}

/**
 * The jobs of a workflow that start by stages; null where it has none. Those with `needs` go their own way. A job without
 * a `stage` has its place among the others as its number.
 */
export function readStages(root: YamlNode): readonly StagedJob[] | null {
  const jobs = entriesOf(child(root, 'jobs'));
  const sequential = stringOf(child(root, 'job-stages')) === 'sequential';
  if (!sequential && !jobs.some(({ value }) => child(value, 'stage') !== null)) return null;
  return jobs
    .filter(({ value }) => needsOf(value).length === 0)
    .map((entry, index) => ({
      id: entry.key,
      entry,
      stage: integerOf(child(entry.value, 'stage')) ?? index,
      until: integerOf(child(entry.value, 'run-until-stage')),
    }));
}

export function integerOf(node: YamlNode | null): number | null {
  return node?.kind === 'scalar' && typeof node.value === 'number' && Number.isInteger(node.value) ? node.value : null;
}
