import type { ActionStepPlan } from '../protocol/plan.ts';
import type { StopLadder } from '../process/running-process.ts';
import type { StepFrame } from './step-frame.ts';
import type { StepStop } from './step-stop.ts';

/** How long a step may take to end after it was killed; its processes get no say in it. */
const KILLED_GRACE_MS = 5_000;

const MS_PER_SECOND = 1_000;

/** The ladder of a step: its own rungs (`stop-grace`) where it has them. */
export function ladderOf(plan: ActionStepPlan, ladder: StopLadder): StopLadder {
  const { interruptSeconds = null, terminateSeconds = null } = plan.stopGrace ?? {};
  return {
    interruptMs: interruptSeconds === null ? ladder.interruptMs : interruptSeconds * MS_PER_SECOND,
    terminateMs: terminateSeconds === null ? ladder.terminateMs : terminateSeconds * MS_PER_SECOND,
  };
}

/**
 * Waits for a running step, but only for so long after it was asked to end: a job must come to its end even if a
 * handler does not. What is written off is killed once more; whatever it does later is not looked at.
 */
export async function untilWrittenOff<T>(
  running: Promise<T>,
  { stop, ladder, frame }: { readonly stop: StepStop; readonly ladder: StopLadder; readonly frame: StepFrame },
): Promise<T | 'written-off'> {
  if (frame.graceMs === null) return running;
  const longer = ladderMs(ladder) - ladderMs(frame.ladder);
  const graceMs = frame.graceMs + Math.max(0, longer);
  let disarm = (): void => undefined;
  const detach: (() => void)[] = [];
  const writtenOff = new Promise<'written-off'>((resolve) => {
    const arm = (ms: number): void => {
      disarm();
      disarm = frame.clock.after(ms, () => resolve('written-off'));
    };
    detach.push(whenAborted(stop.signal, () => arm(graceMs)));
    detach.push(whenAborted(stop.killSignal, () => arm(Math.min(KILLED_GRACE_MS, graceMs))));
  });
  try {
    const ended = await Promise.race([running, writtenOff]);
    if (ended === 'written-off') stop.kill(stop.cause ?? 'shutdown');
    return ended;
  } finally {
    disarm();
    for (const undo of detach) undo();
  }
}

function ladderMs({ interruptMs, terminateMs }: StopLadder): number {
  return interruptMs + terminateMs;
}

/** Calls back at once if it is aborted already. Returns how to stop listening. */
function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  signal.addEventListener('abort', callback, { once: true });
  return () => signal.removeEventListener('abort', callback);
}
