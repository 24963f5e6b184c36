/** What a person can do something about: one sentence. `kind` decides over the exit code. */
export class AgentProblem extends Error {
  override readonly name = 'AgentProblem';
  readonly kind: 'usage' | 'unreachable' | 'refused';

  constructor(kind: 'usage' | 'unreachable' | 'refused', message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}
