/** Settings of proxies or certificates that are wrong: one sentence for people. Told by its name across bundles. */
export class NetworkProblem extends Error {
  override readonly name = 'NetworkProblem';
}
