import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from '@jest/globals';

/** `describe` where the program is on this machine; skipped by name where it is not, and failed where nothing may be. */
export function describeProgram(program: string, name: string, body: () => void): void {
  const wayOut = `needs ${program}, which scripts/test installs as root`;
  if (programPath(program) !== null) describe(name, body);
  else if ((process.env.PACELINE_TEST_CI ?? '') === '') describe.skip(`${name} (${wayOut})`, body);
  else
    describe(name, () => {
      it(`finds ${program}`, () => {
        throw new Error(wayOut);
      });
    });
}

/** Of what `scripts/fetch-programs` fetches without installing it. */
const FETCHED = fileURLToPath(new URL('../../node_modules/.paceline-programs', import.meta.url));

/** Null when it is neither on the PATH nor fetched. */
export function programPath(program: string): string | null {
  const folders = [FETCHED, ...(process.env.PATH ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}
