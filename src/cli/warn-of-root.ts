import type { CliHost } from './cli-host.ts';

/**
 * A runner of root's is asked for by name, as with GitHub's: `RUNNER_ALLOW_RUNASROOT=1`, in `.env` too, or a service that was
 * installed for root. Nothing is refused: in containers there is often nobody else.
 */
export function warnOfRoot({ environment, stderr }: CliHost): void {
  const isOfService = environment.INVOCATION_ID !== undefined;
  if (process.getuid?.() !== 0 || isOfService || environment.RUNNER_ALLOW_RUNASROOT) return;
  stderr.write(
    'Jobs of this runner run as root, and may do what they like to this machine: use another account, or say that you mean it by RUNNER_ALLOW_RUNASROOT=1.\n',
  );
}
