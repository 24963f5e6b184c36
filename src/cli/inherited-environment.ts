/**
 * What steps get of the environment that the command line runs in: all but the families of variables that a runner
 * sets itself. Without that, a run inside of a run (or a token exported for another tool) would leak into the steps as
 * if the runner had meant it.
 */
export function inheritedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  // Outside of a run, INPUT_METHOD and the like mean something else.
  const inRun = environment.GITHUB_ACTIONS === 'true';
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || OF_A_RUNNER.test(name) || (inRun && OF_AN_ACTION.test(name))) continue;
    inherited[name] = value;
  }
  return inherited;
}

/** But for settings of the runner, such as its hooks, which are meant to be set from outside. */
const OF_A_RUNNER = /^(?:GITHUB_|RUNNER_|ACTIONS_(?!RUNNER_|STEP_DEBUG$|ALLOW_))/i;
const OF_AN_ACTION = /^(?:INPUT|STATE)_/i;
