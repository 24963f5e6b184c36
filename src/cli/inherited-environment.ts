/**
 * What steps get of the environment that the command line runs in: all but the families of variables that a runner
 * sets itself. Without that, a run inside of a run (or a token exported for another tool) would leak into the steps as
 * if the runner had meant it.
 */
export function inheritedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && !OF_A_RUNNER.test(name)) inherited[name] = value;
  return inherited;
}

const OF_A_RUNNER = /^(?:GITHUB|RUNNER|ACTIONS|INPUT|STATE)_/i;
