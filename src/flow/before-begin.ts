import type { JobPlan } from '../protocol/plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowEvent } from './flow-event.ts';
import { selectJobs } from './select-jobs.ts';
import { receiveSignal } from './signals.ts';
import { regionOf } from './targets.ts';

/** What is asked of a run that waits for its own group. Signals and cancels of jobs are kept until it begins. */
export function askBeforeBegin(
  draft: FlowDraft,
  { by, request }: FlowEvent & { readonly kind: 'requested' },
): string | null {
  switch (request.kind) {
    case 'signal': {
      if (request.job === null) return receiveSignal(draft, request, null, by);
      const [plan] = plansOf(draft, request.job);
      // The path of a job of the run itself is its id.
      return plan === undefined ? notThere(request.job) : receiveSignal(draft, request, { path: plan.id, plan }, by);
    }
    case 'cancel':
      if (plansOf(draft, request.target).length === 0) return notThere(request.target);
      if (!draft.cancels.includes(request.target)) draft.cancels = [...draft.cancels, request.target];
      return null;
    case 'add-instances':
    case 'complete':
    case 'emit':
    case 'pause':
    case 'resume':
      return 'The run has not begun.';
  }
}

function notThere(target: string): string {
  return `The run has not begun, and there is no '${target}' yet.`;
}

/** Jobs that there will be when it begins. */
function plansOf(draft: FlowDraft, target: string): readonly JobPlan[] {
  const selected = selectJobs(draft.input);
  const region = regionOf(target);
  return (draft.input.workflows[0]?.jobs ?? []).filter(
    ({ id, flow }) =>
      selected.has(id.toLowerCase()) &&
      (region === null ? id.toLowerCase() === target.toLowerCase() : flow?.region.includes(region) === true),
  );
}
