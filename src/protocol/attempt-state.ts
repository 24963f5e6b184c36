/**
 * One try at a job, the unit of ownership.
 *
 * ```
 * queued ──offer──► offered ──accept──► accepted ──job-started──► running ──job-finished──► finished
 *    ▲                 │ expired, declined, drained                 │  ▲ │
 *    │                 │                                  lease out ▼  │ │ sync with the current fence
 *    └─────────────────┴── accepted: lease out            disconnected ┘ │
 *                                                               └─────────┴─ lost, late job-finished ─► finished
 * ```
 * Back to `queued` it is the same attempt with a new fence: nothing has run. Never from `running` or `disconnected`.
 */
export type AttemptState = 'queued' | 'offered' | 'accepted' | 'running' | 'disconnected' | 'finished';

/** Every legal change; anything else is refused by the database and counted. */
export const ATTEMPT_TRANSITIONS: Readonly<Record<AttemptState, readonly AttemptState[]>> = {
  queued: ['offered', 'finished'],
  offered: ['accepted', 'finished', 'queued'],
  accepted: ['running', 'finished', 'queued'],
  running: ['disconnected', 'finished'],
  disconnected: ['running', 'finished'],
  finished: [],
};

/**
 * What happens when the agent of a running attempt is not heard of.
 * `at-most-once`: it may go on through the gap; the attempt is lost only after the server's patience.
 * `exclusive`: the agent ends it before its lease is over, so that another may start.
 */
export type LossPolicy = 'at-most-once' | 'exclusive';

/** Why an attempt ended without the word of its worker; shown as the reason of the job beside `runner-lost`. */
export type LossCause =
  'lease-expired' | 'worker-crashed' | 'runner-rebooted' | 'runner-died' | 'agent-refused' | 'disk-full';

/** As the server has it, which knows one more by itself. */
export type AttemptLoss = LossCause | 'runner-removed';
