// Benchmarks. Each measures Paceline and a floor in turns within one run, so that what else the machine does cancels
// out; what counts is the ratio. A table for people; `--json` prints one document.
import { cpus, tmpdir } from 'node:os';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchmarks as engine } from './benchmarks.mjs';
import { flowBenchmarks } from './flow-benchmarks.mjs';
import { serverBenchmarks } from './server-benchmarks.mjs';

const benchmarks = [...engine, ...serverBenchmarks, ...flowBenchmarks];

// Node.js 20 reads it at every start, which takes longer than the rest of the start.
delete process.env.NODE_EXTRA_CA_CERTS;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(
    `usage: scripts/bench [--json] [--runs N] [NAME…]\nnames: ${benchmarks.map(({ name }) => name).join(', ')}`,
  );
  process.exit(0);
}
const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown.length > 0) {
  console.error(`no benchmark '${unknown[0]}'; there are ${benchmarks.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const round = (number) => Number(number.toPrecision(4));

const results = [];
for (const { name, unit, runs, lacks, measure } of benchmarks) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const lacking = lacks?.() ?? null;
  if (lacking !== null) {
    console.error(`${name}: skipped, it needs ${lacking}`);
    continue;
  }
  const directory = await mkdtemp(join(tmpdir(), 'paceline-bench-'));
  try {
    const samples = [];
    const count = Number(values.runs ?? runs);
    // The first round warms caches and is not counted.
    // Those that bring a server along warm it themselves.
    for (let n = count > 1 ? -1 : 0; n < count; n++) {
      const sample = await measure(await mkdtemp(join(directory, 'round-')));
      if (n >= 0) samples.push(sample);
      if (!values.json && process.stderr.isTTY) process.stderr.write(`\r${name}: ${n + 1}/${count} `);
    }
    if (!values.json && process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    const ours = samples.map(({ value }) => value);
    const value = median(ours);
    const floor = median(samples.map((sample) => sample.floor));
    results.push({
      ...{ name, unit, value: round(value), floor: round(floor), ratio: round(value / floor) },
      ...{ runs: count, min: round(Math.min(...ours)), max: round(Math.max(...ours)) },
      ...samples.at(-1).more,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

if (values.json) {
  console.log(JSON.stringify({ schema: 1, node: process.versions.node, cpus: cpus().length, results }));
} else {
  const rows = results.map((r) => [r.name, r.value, r.floor, r.ratio, r.unit, rangeOf(r), r.runs].map(String));
  const table = [['benchmark', 'value', 'floor', 'ratio', 'unit', 'range', 'runs'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

function rangeOf({ min, max, p99, cpuCores, cpuMs, bySize, cpuUsBySize }) {
  if (bySize !== undefined)
    return Object.entries(bySize)
      .map(([jobs, value]) => `${jobs}: ${value} (${cpuUsBySize[jobs]} µs cpu each)`)
      .join(', ');
  if (cpuMs !== undefined) return `${round(cpuMs)} ms cpu each`;
  if (p99 !== undefined) return `p99 ${round(p99)}`;
  return cpuCores === undefined ? `${min}…${max}` : `${round(cpuCores)} cores`;
}
