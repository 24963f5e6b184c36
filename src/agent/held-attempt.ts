import { CHAIN_START } from '../kernel/record-chain.ts';
import type { AttemptVerdict, Cancel, SyncReply } from '../protocol/agent-api.ts';
import type { LossCause } from '../protocol/attempt-state.ts';
import type { AttemptFolder, AttemptMeta, JournalEnd } from './agent-ports.ts';
import { isStored, type LogProgress, newLog, resumeAt } from './log-progress.ts';

/**
 * Where an attempt stands on this side.
 *
 * ```
 * waiting ──acknowledged──► running ──gone──► closing ──► reporting ──acknowledged──► uploading ──durable──► done
 *    │ cancelled, lost                           ▲ │                    ▲                                     │
 *    └───────────────────────────────────────────┘ └─► ended            └── a server whose memory went back ──┘
 * ```
 * `waiting`: `job-started` is on the disk; its process has no order yet. `unstarted`: the same after a restart of the
 * agent, which has lost the order. `closing`: its worker is gone; what it left is brought to an end. A fenced one goes
 * to `ended` from everywhere.
 */
export type AttemptPhase =
  'waiting' | 'unstarted' | 'running' | 'closing' | 'reporting' | 'uploading' | 'ended' | 'done';

/** Why we end it without its worker's word. */
export type Fate =
  | { readonly kind: 'fenced'; readonly why: string }
  | { readonly kind: 'lost'; readonly cause: LossCause; readonly why: string };

export type CancelAsked = { readonly cause: Cancel['cause'] | 'shutdown'; readonly force: boolean };

const BEFORE_THE_END: ReadonlySet<AttemptPhase> = new Set(['waiting', 'unstarted', 'running', 'closing', 'reporting']);

/** One attempt, from its acceptance until its folder is removed. Changed by the functions in `attempt-life.ts` and the loops. */
export class HeldAttempt {
  readonly folder: AttemptFolder;
  phase: AttemptPhase;
  /** Null: it has none, or not any more. */
  slot: number | null;
  seq: number;
  finished: boolean;
  /** Records up to here are the server's; null: to be told by a session. */
  ack: number | null = null;
  /** The chain's hash at `ack`; null: to be read. */
  ackHash: string | null = null;
  /** When the oldest record that was not sent appeared; null: none. */
  unsentSince: number | null = null;
  /** The next sync is not to be put off. */
  urgent = false;
  cancel: CancelAsked | null = null;
  fate: Fate | null = null;
  /** Somebody watches. */
  live = false;
  /** When the last renewal that was acknowledged was sent; monotonic milliseconds. */
  renewedAt: number;
  leaseMs: number;
  readonly logs = new Map<number, LogProgress>();

  constructor(folder: AttemptFolder, phase: AttemptPhase, end: JournalEnd, lease: { at: number; ms: number }) {
    this.folder = folder;
    this.phase = phase;
    this.slot = folder.meta.slot;
    this.seq = end.seq;
    this.finished = end.finished;
    this.renewedAt = lease.at;
    this.leaseMs = lease.ms;
  }

  get meta(): AttemptMeta {
    return this.folder.meta;
  }

  get id(): string {
    return this.meta.attempt;
  }

  get fence(): number {
    return this.meta.fence;
  }

  get isOver(): boolean {
    return this.phase === 'ended' || this.phase === 'done';
  }

  /** The server holds it for running: it has a lease to be renewed. */
  get isHeld(): boolean {
    return BEFORE_THE_END.has(this.phase);
  }

  get unsentRecords(): number {
    return this.seq - (this.ack ?? 0);
  }

  get unsentBytes(): number {
    let bytes = 0;
    for (const log of this.logs.values()) if (!isStored(log)) bytes += log.length - log.durable;
    return bytes;
  }

  /** What is on the disk by now. */
  progress(seq: number, logs: Iterable<readonly [number, number]>, now: number): void {
    if (seq > this.seq) {
      this.seq = seq;
      this.unsentSince ??= now;
    }
    for (const [step, length] of logs) {
      const log = this.logs.get(step) ?? newLog(step);
      this.logs.set(step, log);
      log.length = Math.max(log.length, length);
    }
  }

  /** The first cause stands; that it is to be at once may come later. */
  askCancel(asked: CancelAsked): void {
    if (this.cancel === null) this.cancel = asked;
    else if (asked.force) this.cancel = { cause: this.cancel.cause, force: true };
  }

  /** The first stands, but for a fence, after which nobody listens. */
  doom(fate: Fate): void {
    if (this.fate === null || (fate.kind === 'fenced' && this.fate.kind === 'lost')) this.fate = fate;
  }

  /** What the server remembers, as a session began. */
  resume({ ack, logs }: AttemptVerdict): void {
    this.ack = ack;
    this.ackHash = ack === 0 ? CHAIN_START : null;
    this.urgent = true;
    for (const { step, durable } of logs) {
      const log = this.logs.get(step) ?? newLog(step);
      this.logs.set(step, log);
      log.durable = durable;
      resumeAt(log, durable);
    }
    const known = new Set(logs.map(({ step }) => step));
    for (const log of this.logs.values()) if (!known.has(log.step)) resumeAt(log, 0);
  }

  /** The answer to a renewal that was sent at `sentAt`. */
  renewed(reply: SyncReply['attempts'][number], hash: string | null, sentAt: number, leaseMs: number): void {
    if (reply.result === 'ok') {
      this.renewedAt = Math.max(this.renewedAt, sentAt);
      this.leaseMs = leaseMs;
    }
    this.ack = reply.ack;
    this.ackHash = hash;
    this.live = reply.live;
    if (reply.cancel !== null) this.askCancel(reply.cancel);
  }
}
