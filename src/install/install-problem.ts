/**
 * What a person can do something about, as one sentence.
 * - `usage`: what was asked for cannot be, as things are. `failed`: the system did not do what it was told.
 */
export class InstallProblem extends Error {
  override readonly name = 'InstallProblem';
  readonly kind: 'usage' | 'failed';

  constructor(message: string, kind: 'usage' | 'failed' = 'usage') {
    super(message);
    this.kind = kind;
  }
}
