import type { AgentState } from './agent-state.ts';
import type { WorkerHandle } from './agent-ports.ts';
import { logOf } from './attempt-log.ts';
import type { CancelAsked, HeldAttempt } from './held-attempt.ts';
import { killTime } from './lease.ts';

/** A worker that has written its last record and does not end. */
const EXIT_GRACE_MS = 5_000;

/** What a worker has to end its job by itself when its time is over; then it hangs, and is asked like any other. */
const LIMIT_GRACE_MS = 30_000;

/**
 * Follows what a worker writes, and passes on that it is to end: asks first where it may clean up, kills when it takes
 * too long. Returns true when it is gone, false when the agent ends before it: then it works on, for the next agent.
 */
export async function watchWorker(state: AgentState, attempt: HeldAttempt, worker: WorkerHandle): Promise<boolean> {
  let gone = false;
  const isGone = (): boolean => gone;
  const follow = (): void => {
    attempt.progress(worker.seq, worker.logs, state.now);
    state.wake();
  };
  worker.onProgress(follow);
  follow();
  const end = worker.exited.then(() => {
    gone = true;
    state.wake();
  });

  let asked: CancelAsked | null = null;
  let killAt = Infinity;
  let limitAt = state.now + (attempt.meta.limitMs ?? Infinity) + LIMIT_GRACE_MS;
  let renewedAt = attempt.renewedAt;
  while (!isGone() && !state.isOver()) {
    if (attempt.fate !== null && killAt !== -Infinity) {
      logOf(state, attempt).warn(`worker is killed: ${attempt.fate.why}`, { pid: worker.identity.pid });
      killAt = -Infinity;
    }
    if (state.now >= limitAt) {
      limitAt = Infinity;
      logOf(state, attempt).warn('worker does not keep the time limit of its job', { pid: worker.identity.pid });
      attempt.askCancel({ cause: 'timeout', force: false });
    }
    if (attempt.cancel !== null && attempt.cancel.force !== asked?.force) {
      asked = attempt.cancel;
      logOf(state, attempt).info('job is cancelled', { cause: asked.cause, force: asked.force });
      worker.send(asked.force ? { kind: 'kill' } : { kind: 'cancel', cause: asked.cause });
      killAt = Math.min(killAt, state.now + patience(state, asked));
    }
    if (attempt.meta.policy === 'exclusive' && attempt.renewedAt > renewedAt) {
      renewedAt = attempt.renewedAt;
      worker.send({ kind: 'lease', ms: killTime(renewedAt, attempt.leaseMs) - state.now });
    }
    if (attempt.finished) killAt = Math.min(killAt, state.now + EXIT_GRACE_MS);
    if (state.now >= killAt) {
      worker.kill();
      break;
    }
    const { fate, cancel, finished, renewedAt: renewed } = attempt;
    const changed = (): boolean =>
      gone ||
      attempt.renewedAt !== renewed ||
      attempt.fate !== fate ||
      attempt.cancel !== cancel ||
      attempt.finished !== finished;
    const next = Math.min(killAt, limitAt);
    await (next === Infinity ? state.until(changed) : state.untilOrAfter(changed, next - state.now));
  }
  if (state.isOver() && !isGone()) return false;
  await end;
  follow();
  return true;
}

function patience({ settings }: AgentState, { force }: CancelAsked): number {
  return force ? settings.forceTimeoutMs : settings.cancelTimeoutMs;
}
