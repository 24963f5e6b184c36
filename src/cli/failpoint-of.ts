import { failpointAt, type Failpoint } from '../kernel/failpoint.ts';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT } from './exit-codes.ts';

/** `NAME` or `NAME:N`, where a test has a process end; null: nowhere. @throws CommandProblem for one that there is not. */
export function failpointText({ environment }: Pick<CliHost, 'environment'>): string | null {
  const text = environment.PACELINE_FAILPOINT || null;
  if (text === null) return null;
  try {
    failpointAt(text, () => undefined);
  } catch (error) {
    throw new CommandProblem(EXIT.usage, `PACELINE_FAILPOINT: ${(error as Error).message}.`);
  }
  return text;
}

/** Ends the process as a power cut would: nothing is written any more, nobody is told. Null: nowhere. */
export function failpointOf(host: Pick<CliHost, 'environment'>): Failpoint | null {
  const text = failpointText(host);
  return text === null ? null : failpointAt(text, () => process.kill(process.pid, 'SIGKILL'));
}
