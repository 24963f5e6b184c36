import type { FlowDraft } from './flow-draft.ts';
import type { EarlierResult } from './flow-input.ts';

/** What the whole job of an iteration came to in an earlier attempt of the run; null where it is not kept. */
export function keptResult(draft: FlowDraft, iteration: string): EarlierResult | null {
  const { earlier } = draft.input.options;
  // What is begun once more is not what ended then. The key of a first iteration is the path of its job.
  return Object.hasOwn(earlier, iteration) && draft.jobs.find(iteration) !== null ? (earlier[iteration] ?? null) : null;
}
