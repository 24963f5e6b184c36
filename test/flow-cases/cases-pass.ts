/** Tests that files of cases pass. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { type FlowCase, readCaseFile } from './case-file.ts';
import { openHosts, type StoreKind } from './open-hosts.ts';
import { type CaseMode, type OpenHost, runCase } from './run-case.ts';

export const FIRST_CASES = read('cases');
export const ALL_CASES = [...FIRST_CASES, ...read('more-cases')];

export const PLAINLY: CaseMode = { deliver: 'once', crash: 'never' };
export const TWICE: CaseMode = { deliver: 'twice', crash: 'never' };
/** In memory, a play for each commit costs nothing. */
export const CRASHES: CaseMode = { deliver: 'once', crash: 'each-commit' };
export const ALL_CRASHES: CaseMode = { deliver: 'once', crash: 'every-commit' };

const LONGEST_MS = 180_000;

/** `modes`: name, cases and how they are played. */
export function casesPass(
  store: StoreKind,
  modes: readonly (readonly [string, readonly FlowCase[], CaseMode])[],
): void {
  let hosts: { readonly open: OpenHost; close(): Promise<void> };
  beforeAll(async () => {
    hosts = await openHosts(store);
  });
  afterAll(() => hosts.close());

  it.each(modes)(
    '%s',
    async (_, cases, mode) => {
      const failed: Record<string, string[]> = {};
      for (const flowCase of cases) {
        const differences = await runCase(flowCase, mode, hosts.open);
        if (differences.length > 0) failed[flowCase.id] = differences;
      }
      expect(failed).toEqual({});
    },
    LONGEST_MS,
  );
}

function read(name: string): FlowCase[] {
  return readCaseFile(readFileSync(new URL(`../conformance/flow/${name}.json`, import.meta.url), 'utf8'));
}
