import type { AgentExit } from './agent-exit.ts';
import type { AgentPorts } from './agent-ports.ts';
import type { AgentSettings } from './agent-settings.ts';
import { AgentState } from './agent-state.ts';
import { EndingLoop } from './ending-loop.ts';
import { runHealthLoop } from './health-loop.ts';
import { runJanitorLoop } from './janitor-loop.ts';
import { runLeaseLoop } from './lease-loop.ts';
import { OfferTaker } from './offer-taker.ts';
import { PollLoop } from './poll-loop.ts';
import { recover } from './recover.ts';
import { SessionLoop } from './session-loop.ts';
import { runStatusLoop } from './status-loop.ts';
import { SyncLoop } from './sync-loop.ts';
import { UploadLoop } from './upload-loop.ts';

/**
 * A runner's listener: holds a session with the server, takes work, starts and watches workers, and forwards what they
 * write. Its loops share nothing but the {@link AgentState} and wake each other.
 */
export class Agent {
  readonly #state: AgentState;

  constructor(ports: AgentPorts, settings: AgentSettings) {
    this.#state = new AgentState(ports, settings);
  }

  /** Once. Resolves when the agent has ended, with every loop of it. Rejects only for a bug or a folder that cannot be read. */
  async run(): Promise<AgentExit> {
    const state = this.#state;
    const { log } = state.ports;
    log.info('agent starts', {
      runner: state.settings.name,
      slots: state.settings.slots,
      labels: state.settings.labels.join(','),
    });
    const lives = await recover(state);
    for (const live of lives) state.follow(live());
    const sessions = new SessionLoop(state);
    const loops = [
      sessions.run(),
      new PollLoop(state, sessions, new OfferTaker(state, sessions)).run(),
      new SyncLoop(state, sessions).run(),
      new UploadLoop(state, sessions).run(),
      runHealthLoop(state),
      runLeaseLoop(state),
      runJanitorLoop(state),
      runStatusLoop(state),
      new EndingLoop(state, sessions).run(),
    ];
    for (const loop of loops) state.follow(loop);
    await Promise.allSettled(loops);
    const exit = state.ended();
    log.info(exit.message, { kind: exit.kind, unsent: exit.unsent });
    return exit;
  }

  /** Takes no more work, ends when what runs has ended, at the latest when the drain's time is over. */
  drain(): void {
    this.#state.drainBy ??= this.#state.now + this.#state.settings.drainTimeoutMs;
    this.#state.advance('leave', 'drained');
  }

  /** Drains, and cancels what runs: its post steps run. */
  cancel(): void {
    this.#state.advance('cancel', 'drained');
  }

  /** Kills what runs, says so to the server if it answers soon, and ends. */
  kill(): void {
    this.#state.advance('kill', 'drained');
  }
}
