/**
 * The invariants of server and agents, in worlds whose every chance comes from a seed. A seed that broke one is kept in
 * FOUND for ever. `scripts/soak --seeds N --seed S` runs more of them.
 */
import { availableParallelism } from 'node:os';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundle, bundleFolder } from '../support/bundle.ts';

/** About two seconds of a core each: as many as fit into two minutes of two cores that the other tests use as well. */
const SEEDS = 60;
/** Found by longer runs, with what they found. */
const FOUND = [
  // An agent with unsent logs and no session looked for something to do without letting anything else run.
  118,
];
/** Nobody waits so long but on a machine that has other things to do. */
const LIMIT_MS = 1_200_000;

let folder: string;
const playing = new Set<ChildProcess>();
beforeAll(async () => {
  folder = await bundleFolder();
});
afterAll(async () => {
  for (const child of playing) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

describe('in a world where networks, disks, clocks and processes fail', () => {
  it(
    `all invariants hold: ${SEEDS} seeds and those that once broke them`,
    async () => {
      const program = await bundle(new URL('simulation-main.ts', import.meta.url), folder);
      const shares = Math.min(2, availableParallelism());
      const perShare = Math.ceil(SEEDS / shares);
      const ranges = [
        ...Array.from({ length: shares }, (_, n) => ({ seed: 1 + n * perShare, seeds: perShare })),
        ...FOUND.map((seed) => ({ seed, seeds: 1 })),
      ];
      const outputs = await Promise.all(ranges.map(({ seed, seeds }) => play(program, seed, seeds)));
      for (const { code, output } of outputs)
        expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/ 0 broken\n$/) });
    },
    LIMIT_MS,
  );
});

async function play(program: string, seed: number, seeds: number): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, [program, '--seed', String(seed), '--seeds', String(seeds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  playing.add(child);
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const [code] = (await once(child, 'exit')) as [unknown];
  playing.delete(child);
  return { code, output };
}
