import type { SeededRandom } from './seeded-random.ts';

export interface SimulatedWorkflow {
  readonly text: string;
  /** By job: what it needs. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly exclusive: boolean;
}

/** A workflow of one to four jobs whose steps are plays: `sim MS EXIT BYTES`. */
export function simulatedWorkflow(random: SeededRandom): SimulatedWorkflow {
  const needs = new Map<string, readonly string[]>();
  const lines = ['on: push'];
  if (random.chance(0.2))
    lines.push('concurrency:', `  group: g${random.between(1, 2)}`, `  cancel-in-progress: ${random.chance(0.3)}`);
  lines.push('jobs:');
  const count = random.between(1, 4);
  for (let n = 1; n <= count; n++) {
    const id = `j${n}`;
    const needed = [...needs.keys()].filter(() => random.chance(0.35));
    needs.set(id, needed);
    lines.push(`  ${id}:`, `    runs-on: ${random.chance(0.2) ? '[self-hosted, even]' : 'self-hosted'}`);
    if (needed.length > 0) lines.push(`    needs: [${needed.join(', ')}]`);
    lines.push('    steps:');
    const steps = random.between(1, 5);
    for (let step = 1; step <= steps; step++) {
      lines.push(`      - id: s${step}`);
      if (random.chance(0.4)) lines.push('        background: true');
      const bytes = random.chance(0.6) ? random.between(1, 5_000) : 0;
      lines.push(`        run: sim ${lengthOf(random)} ${random.chance(0.06) ? 1 : 0} ${bytes}`);
    }
    lines.push('      - wait-all: true');
  }
  return { text: lines.join('\n'), needs, exclusive: random.chance(0.2) };
}

/** Milliseconds; most are short, some outlast a lease, a few a partition. */
function lengthOf(random: SeededRandom): number {
  if (random.chance(0.6)) return random.between(0, 5_000);
  return random.chance(0.8) ? random.between(5_000, 120_000) : random.between(120_000, 900_000);
}
