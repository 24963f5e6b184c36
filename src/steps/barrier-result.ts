import type { BarrierTarget } from './background-step-coordinator.ts';
import { plainEnd, type StepEnd } from './step-end.ts';

/** What a `wait` or `wait-all` makes of its targets: a failure outranks a cancellation, which outranks success. */
export function mergeTargets(targets: readonly BarrierTarget[]): StepEnd {
  const ends = targets.flatMap((target) => (target.kind === 'ended' ? [target.end] : []));
  if (ends.some(({ conclusion }) => conclusion === 'failure')) return plainEnd('failure', null);
  const cancelled = ends.filter(({ conclusion }) => conclusion === 'cancelled');
  if (cancelled.length === 0) return plainEnd('success', null);
  const reasons = cancelled.map(({ reason }) => reason);
  return plainEnd('cancelled', CANCEL_REASONS.find((reason) => reasons.includes(reason)) ?? null);
}

/** Which one a barrier shows when its targets were cancelled for several. */
const CANCEL_REASONS = ['job-cancelled', 'cancelled-by-step', 'stop-timed-out'] as const;

/** One line of a barrier's log: `  NAME: failure (exit code 7)`. */
export function resultLine(target: BarrierTarget): string {
  switch (target.kind) {
    case 'unknown':
      return `  ${target.id}: no background step has this id, nothing to do`;
    case 'skipped':
      return `  ${target.name}: skipped`;
    case 'ended': {
      const { outcome, conclusion } = target.end;
      const ignored = outcome === 'failure' && conclusion === 'success' ? ', ignored' : '';
      const detail = detailOf(target.end);
      return `  ${target.name}: ${outcome}${ignored}${detail === null ? '' : ` (${detail})`}`;
    }
  }
}

/** One sentence for each failed target, for the barrier's annotations. */
export function failureMessages(targets: readonly BarrierTarget[]): readonly string[] {
  return targets.flatMap((target) => {
    if (target.kind !== 'ended' || target.end.conclusion !== 'failure') return [];
    const detail = detailOf(target.end);
    const how = detail === null ? '' : ` (${detail})`;
    return [`The background step '${target.name}' failed${how}. See the log of step ${String(target.number)}.`];
  });
}

/**
 * Variables to which several of the steps committed at this barrier gave different values, one sentence each. (Outputs
 * cannot collide: each step has its own.)
 */
export function conflictMessages(targets: readonly BarrierTarget[]): readonly string[] {
  const writers = new Map<string, { value: string; name: string }[]>();
  for (const target of targets) {
    if (target.kind !== 'ended' || !target.first) continue;
    for (const [variable, value] of target.end.effects.env)
      writers.set(variable, [...(writers.get(variable) ?? []), { value, name: target.name }]);
  }
  return [...writers].flatMap(([variable, writes]) => {
    if (new Set(writes.map(({ value }) => value)).size < 2) return [];
    const names = writes.map(({ name }) => `'${name}'`);
    const last = names.at(-1) ?? '';
    return [
      `The environment variable ${variable} was set to different values by ${names.join(' and ')}. ` +
        `The value of ${last} is kept, because the barrier takes it last.`,
    ];
  });
}

function detailOf({ outcome, conclusion, exitCode, signal, reason }: StepEnd): string | null {
  if (outcome === 'success') return null;
  const ignored = outcome !== conclusion;
  if (outcome === 'failure' && (reason === null || ignored)) {
    if (signal !== null) return signal;
    if (exitCode !== null) return `exit code ${String(exitCode)}`;
    return ignored ? 'continue-on-error' : null;
  }
  return reason;
}
