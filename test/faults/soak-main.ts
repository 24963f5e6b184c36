/** `scripts/soak`: the long forms of what the suite runs for seconds. */
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    agents: { type: 'string', default: '3' },
    slots: { type: 'string', default: '2' },
    runs: { type: 'string', default: '5' },
    database: { type: 'string' },
    'fault-every': { type: 'string', default: '8' },
  },
});

const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const result = await soak({
  seed,
  seconds: Number(values.minutes) * 60,
  agents: Number(values.agents),
  slots: Number(values.slots),
  runs: Number(values.runs),
  faultEveryMs: Number(values['fault-every']) * 1_000,
  ...(values.database === undefined ? {} : { database: values.database }),
  say: (line) => console.error(line),
});
console.log(JSON.stringify({ seed, ...result }, null, 2));
console.log(
  result.violations.length === 0
    ? `held: ${result.runs} runs, ${result.jobs} jobs, ${result.steps} steps, ${result.logBytes} log bytes; no result lost, no job started twice, every log equal, no process left`
    : `broken: ${result.violations.length} violations with seed ${seed}`,
);
process.exitCode = result.violations.length === 0 ? 0 : 1;
