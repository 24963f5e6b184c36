import { endIteration } from './end-iteration.ts';
import type { FlowDraft } from './flow-draft.ts';
import { endAtGate, nextGate, passGates, SIGNAL } from './gates.ts';
import { retryNow } from './retry.ts';
import { expire, isDeadline } from './start-deadline.ts';

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
  else if (isDeadline(id)) expire(draft, key);
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
