import { Pulse } from '../kernel/pulse.ts';
import type { SessionKey } from '../protocol/agent-api.ts';
import type { AgentExit, AgentExitKind } from './agent-exit.ts';
import type { AgentPorts, HealthProblem } from './agent-ports.ts';
import type { AgentSettings } from './agent-settings.ts';
import { AttemptTable } from './attempt-table.ts';

export interface OpenSession {
  readonly key: SessionKey;
  readonly incarnation: string;
  /** What the server can do. */
  readonly features: readonly string[];
  readonly renewMs: number;
}

/**
 * How far the agent was asked to end; only ever goes up. `leave`: takes no more work and ends when it has none, for the
 * reason that {@link AgentState.leaving} says.
 */
export type Stage = 'work' | 'leave' | 'cancel' | 'kill';
const STAGES: readonly Stage[] = ['work', 'leave', 'cancel', 'kill'];

export type LeaveReason = 'drained' | 'consumed' | 'idle' | 'left';

/** What the loops share. Whoever changes something wakes; whoever waits looks again. */
export class AgentState {
  readonly ports: AgentPorts;
  readonly settings: AgentSettings;
  readonly attempts: AttemptTable;
  readonly #pulse = new Pulse();
  session: OpenSession | null = null;
  /** Of the last session; null before the first. */
  incarnation: string | null = null;
  stage: Stage = 'work';
  /** The server will not have this agent: no session is opened any more. */
  expelled: { readonly kind: AgentExitKind; readonly message: string; readonly keepsWorkers: boolean } | null = null;
  leaving: LeaveReason | null = null;
  /** When jobs are cancelled that an agent that was asked to end still has; monotonic milliseconds. Null: nobody asked. */
  drainBy: number | null = null;
  paused = false;
  /** Null before the first look. */
  health: { readonly problem: HealthProblem | null } | null = null;
  /** Offers that are being accepted, by attempt. */
  readonly accepting = new Map<string, number>();
  /** How often logs that nobody watches are sent. */
  logIntervalMs = DEFAULT_LOG_INTERVAL_MS;
  lastSync: number | null = null;
  /** How often the server was heard of again after it was not: what waits for that alone need not wait longer. */
  outages = 0;
  exit: AgentExit | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(ports: AgentPorts, settings: AgentSettings) {
    this.ports = ports;
    this.settings = settings;
    this.attempts = new AttemptTable(settings.slots);
  }

  get now(): number {
    return this.ports.clock.monotonic();
  }

  /** The loops come to their end. */
  isOver(): boolean {
    return this.exit !== null || this.#failure !== null;
  }

  /** Watches over something that must not fail: if it does, all of the agent ends of it. */
  follow(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#failure ??= { error };
      this.wake();
    });
  }

  /** How it ended. @throws what failed. */
  ended(): AgentExit {
    if (this.#failure !== null) throw this.#failure.error;
    if (this.exit === null) throw new Error('the agent has not ended');
    return this.exit;
  }

  get takesWork(): boolean {
    return this.stage === 'work' && this.health?.problem === null && this.expelled === null;
  }

  wake(): void {
    this.#pulse.wake();
  }

  /** Resolves when the condition holds or the agent is over. */
  async until(condition: () => boolean): Promise<void> {
    await this.#pulse.until(() => this.isOver() || condition());
  }

  /** Resolves when the condition holds, the agent is over, or after `ms`. */
  async untilOrAfter(condition: () => boolean, ms: number): Promise<void> {
    if (ms <= 0) return;
    let late = false;
    const cancel = this.ports.clock.after(ms, () => {
      late = true;
      this.wake();
    });
    await this.until(() => late || condition());
    cancel();
  }

  /** Resolves when the condition holds, also when the agent is over: for what is still on its way. */
  untilIdle(condition: () => boolean): Promise<void> {
    return this.#pulse.until(condition);
  }

  /** Goes on to a later stage; an earlier one changes nothing. */
  advance(stage: Stage, reason: LeaveReason): void {
    this.leaving ??= reason;
    if (STAGES.indexOf(stage) > STAGES.indexOf(this.stage)) this.stage = stage;
    this.wake();
  }
}

const DEFAULT_LOG_INTERVAL_MS = 3_000;
