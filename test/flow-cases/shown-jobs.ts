import type { ShownFlow, ShownJob } from '../../src/flow/show-flow.ts';
import { isBelow, readKey } from './job-name.ts';

/** The job of this path, or the last one with this id: bodies of loops have one in each round. */
export function findJob(shown: ShownFlow, path: string): ShownJob | null {
  const exact = shown.jobs.find((job) => job.path === path);
  if (exact) return exact;
  const named = shown.jobs.filter((job) => job.path.endsWith(`.${path}`) || readKey(job.path).id === path);
  const [last = null] = [...named].reverse();
  if (last !== null) return last;
  const id = path.split('.').at(-1) ?? '';
  return shown.jobs.findLast((job) => readKey(job.path).id === id) ?? null;
}

/** Of a job that never came to be: it is skipped when the run is over, and still to come before. */
export function jobStatus(
  shown: ShownFlow,
  { path, instance }: { readonly path: string; readonly instance: number | null },
): string {
  const job = findJob(shown, path);
  const absent = ['success', 'failure', 'cancelled'].includes(shown.run) ? 'skipped' : 'pending';
  if (job === null) return absent;
  if (instance === null) return job.status;
  const found = job.instances.find(({ key }) => readKey(key).instance === instance + 1);
  if (found) return found.status;
  return instance === 0 && job.instances.length <= 1 ? (job.instances[0]?.status ?? job.status) : absent;
}

/** Of bodies of the job: of its own, or of what it calls or runs in rounds. */
export function pathsOf(paths: readonly string[], name: string, hasBody: boolean): Set<string> {
  const matches = (test: (path: string) => boolean): Set<string> => new Set(paths.filter(test));
  if (hasBody) return matches((path) => path === name || path.endsWith(`.${name}`) || readKey(path).id === name);
  return matches((path) => isBelow(path, name) || path.includes(`.${name}@`) || path.includes(`.${name}.`));
}
