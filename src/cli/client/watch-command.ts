import { AbortScope } from '../../kernel/cancellation.ts';
import type { RunConclusion } from '../../protocol/conclusion.ts';
import type { CliHost } from '../cli-host.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { onStopRequests } from '../stop-requests.ts';
import { type ViewFlags, viewIo } from '../view-io.ts';
import type { ServerClient } from './server-client.ts';
import { watchRun } from './watch-run.ts';

/** Shows runs one after the other; the worst conclusion decides. Ctrl-C stops the watching and nothing else. */
export async function watchCommand(
  client: ServerClient,
  runs: readonly number[],
  flags: ViewFlags,
  host: CliHost,
): Promise<ExitCode> {
  const scope = new AbortScope();
  const stopListening = onStopRequests(host.environment, (count) =>
    count === 1 ? scope.cancel('user') : host.exitNow(EXIT.cancelled),
  );
  let worst: ExitCode = EXIT.success;
  try {
    for (const run of runs)
      try {
        const code = EXIT_OF[await watchRun(client, run, viewIo(flags, host), scope.signal)];
        if (worst === EXIT.success || code === EXIT.runFailed) worst = code;
      } catch (error) {
        if (!scope.signal.aborted) throw error;
        host.stderr.write(
          `Stopped watching; run ${run} goes on. \`paceline runs watch ${run}\` comes back, \`paceline runs cancel ${run}\` cancels it.\n`,
        );
        return EXIT.cancelled;
      }
    return worst;
  } finally {
    stopListening();
    scope.dispose();
  }
}

export const EXIT_OF: Readonly<Record<RunConclusion, ExitCode>> = {
  success: EXIT.success,
  failure: EXIT.runFailed,
  cancelled: EXIT.cancelled,
};
