import { systemClock } from '../kernel/clock.ts';
import type { RunIo } from '../local/run-local.ts';
import type { CliHost } from './cli-host.ts';
import { wantsColour } from './colour-choice.ts';

export interface ViewFlags {
  readonly quiet?: boolean;
  readonly color: boolean;
}

/** Where a run is shown, and how: live on a terminal that can. */
export function viewIo({ quiet = false, color }: ViewFlags, { environment, stdout, stderr }: CliHost): RunIo {
  return {
    stdout,
    stderr,
    colour: wantsColour({ option: color, environment, isTTY: stdout.isTTY }),
    live: stdout.isTTY && environment.TERM !== 'dumb' && !quiet,
    quiet,
    clock: systemClock,
  };
}
