import type { CancelCause } from '../kernel/cancellation.ts';
import type { StepEnd } from './step-end.ts';

/**
 * ```
 *            slot              stop                ended
 *  queued ─────────► running ────────► cancelling ───────► settled ─────► committed
 *     │                 └────────────────────────ended───────►▲   barrier
 *     └──────────────────────ended (cancelled in the queue)───┘
 * ```
 * `settled`: it has its end, nobody has seen it. `committed`: a barrier took it, what it changed is in the job state.
 */
export type BackgroundStepState =
  | { readonly kind: 'queued' }
  | { readonly kind: 'running' }
  | { readonly kind: 'cancelling'; readonly cause: CancelCause }
  | { readonly kind: 'settled'; readonly end: StepEnd }
  | { readonly kind: 'committed'; readonly end: StepEnd };

export type BackgroundStepEvent =
  /** It got a slot. */
  | { readonly kind: 'slot' }
  /** It was asked to end. */
  | { readonly kind: 'stop'; readonly cause: CancelCause }
  /** It has ended: by itself, by being stopped, by being written off, or without ever having had a slot. */
  | { readonly kind: 'ended'; readonly end: StepEnd }
  /** A barrier took it. */
  | { readonly kind: 'barrier' };

/**
 * The only place where the state of a background step changes.
 * @throws Error for an event that cannot happen in this state, which is a bug.
 */
export function transition(state: BackgroundStepState, event: BackgroundStepEvent): BackgroundStepState {
  switch (state.kind) {
    case 'queued':
      if (event.kind === 'slot') return { kind: 'running' };
      if (event.kind === 'ended') return { kind: 'settled', end: event.end };
      break;
    case 'running':
      if (event.kind === 'stop') return { kind: 'cancelling', cause: event.cause };
      if (event.kind === 'ended') return { kind: 'settled', end: event.end };
      break;
    case 'cancelling':
      // Asked again; who asked first stays on record here, what outranks what is the business of StepStop.
      if (event.kind === 'stop') return state;
      if (event.kind === 'ended') return { kind: 'settled', end: event.end };
      break;
    case 'settled':
      if (event.kind === 'barrier') return { kind: 'committed', end: state.end };
      break;
    case 'committed':
      break;
    default:
      state satisfies never;
  }
  throw new Error(`a background step that is ${state.kind} cannot take the event '${event.kind}'`);
}
