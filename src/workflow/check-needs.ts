import { quote } from '../expressions/quote.ts';
import { didYouMean } from './close-name.ts';
import { placedTexts, type PlacedText } from './list-steps.ts';
import type { ProblemList } from './problem-list.ts';
import { child, entriesOf, type YamlNode } from './yaml-node.ts';

/** The jobs that a job names under `needs`, as far as they are text. */
export function needsOf(job: YamlNode): readonly PlacedText[] {
  return placedTexts(child(job, 'needs'));
}

/**
 * Every job that is needed exists, and no job needs itself through others.
 * @param readable Ids of jobs outside of the mapping that have ended before these begin.
 */
export function checkNeeds(jobs: YamlNode | null, readable: ReadonlySet<string>, problems: ProblemList): void {
  const needs = new Map(entriesOf(jobs).map(({ key, value }) => [key, needsOf(value)]));
  const ids = [...needs.keys(), ...readable];
  for (const [job, needed] of needs) {
    for (const { value: id, span } of needed) {
      if (id === '' || id.includes('${{') || needs.has(id) || readable.has(id)) continue;
      const message = `job ${quote(job)} needs an unknown job ${quote(id)}${didYouMean(id, ids)}`;
      problems.error('needs', span, message);
    }
  }
  reportCycles(needs, problems);
}

/** Depth first without recursion, as a chain may be as long as a file has jobs. Each cycle is reported once. */
function reportCycles(needs: ReadonlyMap<string, readonly PlacedText[]>, problems: ProblemList): void {
  const finished = new Set<string>();
  for (const start of needs.keys()) {
    const path: { readonly job: string; next: number }[] = finished.has(start) ? [] : [{ job: start, next: 0 }];
    const onPath = new Set(path.map(({ job }) => job));
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const needed = needs.get(top.job)?.[top.next];
      top.next += 1;
      if (needed === undefined) {
        finished.add(top.job);
        onPath.delete(top.job);
        path.pop();
      } else if (onPath.has(needed.value)) {
        const cycle = path.slice(path.findIndex(({ job }) => job === needed.value)).map(({ job }) => job);
        problems.error('needs', needed.span, cycleMessage(cycle));
      } else if (!finished.has(needed.value) && needs.has(needed.value)) {
        path.push({ job: needed.value, next: 0 });
        onPath.add(needed.value);
      }
    }
  }
}

function cycleMessage(cycle: readonly string[]): string {
  const [first = ''] = cycle;
  if (cycle.length === 1) return `job ${quote(first)} needs itself`;
  return `jobs need each other in a circle: ${[...cycle, first].map((job) => `\`${job}\``).join(' needs ')}`;
}
