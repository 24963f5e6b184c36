import { endIteration } from './end-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import { endAtGate, nextGate, passGates, SIGNAL } from './gates.ts';
import { retryNow } from './retry.ts';
import { skipJob } from './settle-job.ts';
import { withdrawIteration } from './withdraw.ts';

/** A timer is over. One that nobody waits for any more changes nothing; while the run is paused it is kept. */
export function timerFired(draft: FlowDraft, id: string): void {
  if (draft.paused) {
    if (!draft.paused.fired.includes(id)) draft.paused = { ...draft.paused, fired: [...draft.paused.fired, id] };
    return;
  }
  const at = id.lastIndexOf('/');
  const key = id.slice(0, at);
  const what = id.slice(at + 1);
  if (what === 'retry') retryNow(draft, key);
  else if (what === 'within') expire(draft, key);
  else if (what === 'after') {
    if (draft.iterations.find(key)?.stage.kind === 'delay-after') endIteration(draft, key);
  } else gateTimer(draft, key, Number(what.slice('gate-'.length)));
}

function gateTimer(draft: FlowDraft, key: string, gate: number): void {
  const stage = draft.iterations.find(key)?.stage;
  if (stage?.kind !== 'gates' || stage.gate !== gate || !stage.waits) return;
  if (gate === SIGNAL) {
    endAtGate(draft, key, { conclusion: 'failure', reason: 'timed-out' }, 'No signal came in time.');
    return;
  }
  nextGate(draft, key, gate);
  passGates(draft, key);
}

/** `start-within-minutes`: whatever has not started by then does not. */
function expire(draft: FlowDraft, path: string): void {
  const job = draft.jobs.find(path);
  if (job === null || job.phase === 'settled' || job.begun > 1) return;
  if (job.phase === 'pending') {
    skipJob(draft, path, 'expired');
    return;
  }
  const key = job.gated[0] ?? null;
  if (key !== null) endAtGate(draft, key, { conclusion: 'skipped', reason: 'expired' }, null);
  else if (job.instances.length > 0 && job.instances.every((instance) => isUnstarted(draft, instance)))
    withdrawIteration(draft, draft.instances.get(job.instances[0] ?? '').iteration, {
      conclusion: 'skipped',
      reason: 'expired',
    });
}

function isUnstarted(draft: FlowDraft, key: string): boolean {
  const { kind } = draft.instances.get(key).status;
  return kind === 'waiting' || kind === 'launching';
}
