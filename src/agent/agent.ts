import type { AgentExit } from './agent-exit.ts';
import type { AgentPorts } from './agent-ports.ts';
import type { AgentSettings } from './agent-settings.ts';

/**
 * A runner's listener: holds a session with the server, takes work, starts and watches workers, and forwards what they
 * write. `run` is called once.
 */
export class Agent {
  readonly #ports: AgentPorts;
  readonly #settings: AgentSettings;

  constructor(ports: AgentPorts, settings: AgentSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** Resolves when the agent has ended: nothing of it is left but folders, and workers if the process was to die. */
  run(): Promise<AgentExit> {
    this.#ports.log.info('agent starts', { slots: this.#settings.slots });
    return new Promise(() => undefined);
  }

  /** Takes no more work, ends when what runs has ended, at the latest when the drain's time is over. */
  drain(): void {
    return undefined;
  }

  /** Drains, and cancels what runs: its post steps run. */
  cancel(): void {
    return undefined;
  }

  /** Kills what runs, says so to the server if it answers soon, and ends. */
  kill(): void {
    return undefined;
  }
}
