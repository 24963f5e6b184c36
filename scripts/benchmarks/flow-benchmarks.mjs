// What the flow of a run costs, without agents and bodies: see flow-program.ts. The size of the run must not matter, so
// beside the figure for 100 jobs stand those for 1,000 and 10,000.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { postgresPrograms, startPostgres } from './postgres.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SIZES = [100, 1_000, 10_000];

const shapes = ['chain', 'fan'];
const joins = ['each', 'keep', 'queue'];
const waits = ['lock', 'section', 'milestone', 'race'];
export const flowBenchmarks = [
  ...[...shapes, ...joins, ...waits].map((shape) => ({
    // Events per second of the reducer. Floor: in a run of 10,000 jobs.
    name: `flow-${shape}-memory`,
    unit: 'events/s',
    runs: 3,
    measure: () =>
      withProgram(async (run) => {
        // By `each` the last job begins as often as there are others: as many jobs again.
        const jobsOf = (jobs) => String(shape === 'each' ? jobs / 2 : jobs);
        const values = await inTurn(SIZES, (jobs) => run('memory', shape, jobsOf(jobs)));
        return { value: values[0].value, floor: values.at(-1).value, more: bySize(values) };
      }),
  })),
  ...shapes.map((shape) => ({
    // Jobs per second, each of whose ends is committed before what follows it starts. Floor: as many bare commits.
    name: `flow-${shape}-sqlite`,
    unit: 'jobs/s',
    runs: 1,
    measure: (directory) =>
      withProgram(async (run) => {
        const database = () => join(directory, `${randomUUID()}.db`);
        const values = await inTurn(SIZES, (jobs) => run('durable', database(), shape, String(jobs)));
        const floor = await run('commits', database(), '2000');
        return { value: values[0].value, floor: floor.value, more: bySize(values) };
      }),
  })),
  ...shapes.map((shape) => ({
    name: `flow-${shape}-postgres`,
    unit: 'jobs/s',
    runs: 1,
    lacks: () => (postgresPrograms() === null ? 'PostgreSQL' : null),
    measure: () =>
      withProgram(async (run) => {
        const postgres = await startPostgres();
        try {
          const values = await inTurn(SIZES, (jobs) => run('durable', postgres.url, shape, String(jobs)));
          const floor = await run('commits', postgres.url, '2000');
          return { value: values[0].value, floor: floor.value, more: bySize(values) };
        } finally {
          await postgres.stop();
        }
      }),
  })),
];

function bySize(values) {
  const each = (field) => Object.fromEntries(SIZES.map((size, index) => [size, Math.round(values[index][field])]));
  return { bySize: each('value'), cpuUsBySize: each('cpuUs') };
}

async function inTurn(sizes, measure) {
  const values = [];
  for (const size of sizes) values.push(await measure(size));
  return values;
}

/** The program is made of the sources, as the bundle is; `run` answers with what it measured: see there. */
async function withProgram(body) {
  // Below the packages, which the program finds from there.
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.paceline-bench-'));
  try {
    const outfile = join(folder, 'flow-program.mjs');
    await build({
      absWorkingDir: ROOT,
      entryPoints: ['scripts/benchmarks/flow-program.ts'],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      logLevel: 'warning',
    });
    return await body(async (...args) => {
      const { stdout } = await promisify(execFile)(process.execPath, [outfile, ...args]);
      return JSON.parse(stdout);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
