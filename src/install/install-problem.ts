/** What a person can do something about, as one sentence. */
export class InstallProblem extends Error {
  override readonly name = 'InstallProblem';
}
