import type { Clock } from '../kernel/clock.ts';
import type { OutstandingStep } from './background-step-coordinator.ts';

const MS_PER_SECOND = 1_000;
const SECONDS_PER_MINUTE = 60;
const MINUTES_PER_HOUR = 60;

/** Calls back every `everyMs` until the returned function is called. */
export function repeat(clock: Clock, everyMs: number, callback: () => void): () => void {
  let cancel: () => void;
  const arm = (): void => {
    cancel = clock.after(everyMs, () => {
      arm();
      callback();
    });
  };
  arm();
  return () => cancel();
}

/** What a barrier waits for, since when, and the last line of its output: one line for the whole, one for each step. */
export function noticeLines(outstanding: readonly OutstandingStep[], waitedMs: number, now: number): readonly string[] {
  const count = outstanding.length === 1 ? '1 step' : `${String(outstanding.length)} steps`;
  return [
    `Still waiting for ${count} after ${duration(waitedMs)}:`,
    ...outstanding.map((item) => `  ${item.step.name}: ${describe(item, now)}`),
  ];
}

function describe({ step, state, ahead }: OutstandingStep, now: number): string {
  const { startedAt, lastLine } = step.progress();
  if (state === 'queued') return `${since('queued', step.reachedAt, now)}, ${String(ahead)} ahead of it`;
  const running = since('running', startedAt ?? step.reachedAt, now);
  const said = lastLine === null ? 'no output yet' : `last output: ${lastLine}`;
  return state === 'cancelling' ? `${running}, asked to end, ${said}` : `${running}, ${said}`;
}

function since(word: string, at: number, now: number): string {
  return `${word} for ${duration(now - at)} since ${new Date(at).toISOString()}`;
}

/** `45 s`, `2 min 5 s`, `1 h 0 min`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / MS_PER_SECOND));
  const minutes = Math.floor(seconds / SECONDS_PER_MINUTE);
  const hours = Math.floor(minutes / MINUTES_PER_HOUR);
  if (hours > 0) return `${String(hours)} h ${String(minutes % MINUTES_PER_HOUR)} min`;
  if (minutes > 0) return `${String(minutes)} min ${String(seconds % SECONDS_PER_MINUTE)} s`;
  return `${String(seconds)} s`;
}
