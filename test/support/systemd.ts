import { describe, it } from '@jest/globals';
import { systemdProblem } from './systemd-problem.ts';

/** `describe` where a systemd can be booted; skipped by name where none can, and failed where nothing may be. */
export function describeSystemd(name: string, body: () => void): void {
  const problem = systemdProblem();
  if (problem === null) describe(name, body);
  else if ((process.env.PACELINE_TEST_CI ?? '') === '') describe.skip(`${name} (${problem})`, body);
  else
    describe(name, () => {
      it('finds a systemd', () => {
        throw new Error(problem);
      });
    });
}
