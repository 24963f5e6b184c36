import { SeededRandom } from '../simulation/seeded-random.ts';

/** What a step of a soak run prints and how long it takes. */
export interface SoakStep {
  readonly id: string;
  readonly background: boolean;
  readonly lines: number;
  readonly sleepSeconds: number;
}

export interface SoakJob {
  readonly id: string;
  readonly needs: readonly string[];
  readonly steps: readonly SoakStep[];
}

export interface SoakWorkflow {
  readonly text: string;
  readonly jobs: readonly SoakJob[];
}

/**
 * A workflow of one to four jobs with background steps. Every step that begins and every step that ends writes a line
 * into the ledger, a file that no part of the system knows of: what it says is what really happened.
 */
export function soakWorkflow(seed: number, ledger: string): SoakWorkflow {
  const random = new SeededRandom(seed);
  const jobs: SoakJob[] = [];
  const count = random.between(1, 4);
  for (let j = 1; j <= count; j++) {
    const needs = jobs.filter(() => random.chance(0.3)).map(({ id }) => id);
    const steps = Array.from({ length: random.between(2, 6) }, (_, s): SoakStep => ({
      id: `s${s + 1}`,
      background: random.chance(0.5),
      lines: random.chance(0.1) ? random.between(2_000, 20_000) : random.between(1, 200),
      sleepSeconds: random.chance(0.5) ? random.between(0, 30) / 10 : 0,
    }));
    jobs.push({ id: `j${j}`, needs, steps });
  }
  return { jobs, text: textOf(seed, jobs, ledger) };
}

/** The line that a step prints as its nth. */
export function soakLine(seed: number, job: string, step: string, n: number): string {
  return `soak ${seed} ${job} ${step} ${n} ${'x'.repeat((seed + n) % 60)}`;
}

function textOf(seed: number, jobs: readonly SoakJob[], ledger: string): string {
  const lines = ['name: soak', 'on: push', 'jobs:'];
  for (const { id, needs, steps } of jobs) {
    lines.push(`  ${id}:`, '    runs-on: self-hosted');
    if (needs.length > 0) lines.push(`    needs: [${needs.join(', ')}]`);
    lines.push('    steps:');
    for (const step of steps) {
      lines.push(`      - id: ${step.id}`);
      if (step.background) lines.push('        background: true');
      lines.push('        run: |', ...scriptOf(seed, id, step, ledger).map((line) => `          ${line}`));
    }
    lines.push('      - wait-all: true');
  }
  return lines.join('\n');
}

/** Half of the lines, the pause, the other half: a fault in the middle finds an open log. */
function scriptOf(seed: number, job: string, { id, lines, sleepSeconds }: SoakStep, ledger: string): string[] {
  const entry = `$GITHUB_RUN_ID ${job} ${id}`;
  const half = Math.floor(lines / 2);
  const print = (from: number, to: number): string =>
    `awk 'BEGIN { x = sprintf("%60s", ""); gsub(/ /, "x", x); for (n = ${from}; n <= ${to}; n++) print "soak ${seed} ${job} ${id} " n " " substr(x, 1, (${seed} + n) % 60) }'`;
  return [
    `echo "begin ${entry}" >> '${ledger}'`,
    print(1, half),
    `sleep ${sleepSeconds}`,
    print(half + 1, lines),
    `echo "out=${seed}" >> "$GITHUB_OUTPUT"`,
    `echo "end ${entry}" >> '${ledger}'`,
  ];
}
