import type { CliHost } from './cli-host.ts';
import { problemOf } from './command-problem.ts';
import { ENDED_AS_ASKED, EXIT, type ExitCode, RESTART_IN_VAIN } from './exit-codes.ts';

/**
 * launchd starts again whatever does not end with 0, and cannot be told of other exit codes: so 0 is also said where a
 * restart would cure nothing, or two machines would take a runner from each other for ever.
 */
export async function exitForLaunchd(run: Promise<ExitCode>, host: CliHost): Promise<ExitCode> {
  const code = await run.catch((error: unknown) => {
    const problem = problemOf(error);
    if (problem === null) throw error;
    host.stderr.write(`paceline: ${problem.sentence}\n`);
    return problem.exitCode;
  });
  return ENDED_AS_ASKED.includes(code) || RESTART_IN_VAIN.includes(code) ? EXIT.success : code;
}
