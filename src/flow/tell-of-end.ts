import type { FlowDraft } from './flow-draft.ts';
import { countedEnd } from './ignored-failure.ts';
import type { Ended } from './iteration-state.ts';
import { attemptKey } from './keys.ts';
import { announce } from './settle-job.ts';
import { hasFailed } from './unstarted-job.ts';

/** The host hears of an end that no worker reported. */
export function tellOfEnd(draft: FlowDraft, key: string, end: Ended, message: string | null): void {
  const ended = countedEnd(draft, key, end);
  const iteration = draft.iterations.get(key);
  const [only] = iteration.instances;
  const instance = only === undefined || iteration.instances.length > 1 ? null : draft.instances.get(only);
  const status = instance === null || instance.settings.kind === 'body' ? null : instance.status;
  if (only !== undefined && status !== null) {
    const { attempt: attempts } = draft.instances.get(only);
    draft.commands.push({
      kind: 'job-concluded',
      key: attemptKey(only, iteration.number, attempts),
      ...ended,
      message,
    });
    draft.instances.update(only, { status: { kind: 'settled', ...ended } });
  } else announce(draft, key, iteration.job, { ...ended, message });
}

/** Nobody reports of gates and loops, and of what has not come to its instances. */
export function tellOfUnreported(draft: FlowDraft, key: string, ended: Ended): void {
  const { kind } = draft.planOfIteration(key);
  const { announced, instances, job } = draft.iterations.get(key);
  const isBodiless = kind === 'gate' || kind === 'loop';
  if (announced || (!isBodiless && instances.length > 0)) return;
  const message = !isBodiless && hasFailed(ended) ? 'It has not begun, since a job before it has not succeeded.' : null;
  announce(draft, key, job, { ...ended, message });
}
