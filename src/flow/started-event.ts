import type { RunEvent } from '../protocol/events.ts';
import type { FlowInput } from './flow-input.ts';
import { selectJobs } from './select-jobs.ts';

/** The first event of a run. Jobs are as declared: what a matrix or a call makes of them is not known yet. */
export function startedEvent(
  input: FlowInput,
  shownFile: string,
  at: string,
): RunEvent & { readonly type: 'run-started' } {
  const [plan] = input.workflows;
  const selected = selectJobs(input);
  return {
    type: 'run-started',
    at,
    schema: 1,
    workflow: { name: plan?.name ?? shownFile, path: shownFile },
    jobs: (plan?.jobs ?? [])
      .filter(({ id }) => selected.has(id.toLowerCase()))
      .map(({ id, name, needs }) => ({
        id,
        name: typeof name === 'string' && !name.includes('${{') ? name : id,
        needs: [...needs],
      })),
  };
}
