import type { FlowDraft } from './flow-draft.ts';
import type { WaitsFor } from './flow-event.ts';
import { attemptKey } from './keys.ts';

/** Tells the host what an instance waits for, under the key that its next attempt will have. */
export function sayInstanceWaits(draft: FlowDraft, key: string, waits: WaitsFor): void {
  const { job, iteration, attempt, number, name, matrix } = draft.instances.get(key);
  const { names } = draft.scopes.get(draft.jobs.get(job).scope);
  draft.commands.push({
    kind: 'job-waits',
    key: attemptKey(key, draft.iterations.get(iteration).number, attempt),
    id: job,
    instance: number,
    name: [...names, name].join(' / '),
    matrix,
    for: waits,
  });
}
