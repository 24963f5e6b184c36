/** `scripts/soak --seeds N`: prints every seed that breaks an invariant. */
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string', default: '1' } } });
const first = Number(values.seed);
const count = Number(values.seeds ?? '1');
const started = performance.now();
let broken = 0;
const sum = { runs: 0, attempts: 0, faults: 0 };
for (let seed = first; seed < first + count; seed++) {
  const { violations, runs, attempts, faults } = await simulate(seed);
  sum.runs += runs;
  sum.attempts += attempts;
  sum.faults += Object.values(faults).reduce((all, n) => all + n, 0);
  if (violations.length === 0) continue;
  broken++;
  console.log(`seed ${seed}: ${JSON.stringify(faults)}`);
  for (const violation of violations.slice(0, 10)) console.log(`  ${violation}`);
}
const seconds = (performance.now() - started) / 1_000;
console.log(
  `${count} seeds, ${sum.runs} runs, ${sum.attempts} attempts, ${sum.faults} faults in ${seconds.toFixed(0)} s; ${broken} broken`,
);
process.exitCode = broken === 0 ? 0 : 1;
