import { describe, it } from '@jest/globals';
import { engineProblem } from './docker-engine.ts';
import { postgresBinaries, WAY_OUT } from './postgres-server.ts';

/** `describe` where a Docker engine can be had; skipped by name where none can, and failed where nothing may be. */
export function describeDocker(name: string, body: () => void): void {
  // The images have PostgreSQL of this machine in them.
  const problem = engineProblem() ?? (postgresBinaries() === null ? WAY_OUT : null);
  if (problem === null) describe(name, body);
  else if ((process.env.PACELINE_TEST_CI ?? '') === '') describe.skip(`${name} (${problem})`, body);
  else
    describe(name, () => {
      it('finds a Docker engine', () => {
        throw new Error(problem);
      });
    });
}
