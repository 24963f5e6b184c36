import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from '@jest/globals';

/** `describe` where the program is on the PATH; skipped by name where it is not, and failed where nothing may be. */
export function describeProgram(program: string, name: string, body: () => void): void {
  const wayOut = `needs ${program}: scripts/fetch-programs`;
  if (hasProgram(program)) describe(name, body);
  else if ((process.env.PACELINE_TEST_CI ?? '') === '') describe.skip(`${name} (${wayOut})`, body);
  else
    describe(name, () => {
      it(`finds ${program}`, () => {
        throw new Error(wayOut);
      });
    });
}

export function hasProgram(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}
