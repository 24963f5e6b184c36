import { describe, expect, it } from '@jest/globals';
import { paletteOf } from '../../src/local/palette.ts';
import type { StepReport } from '../../src/protocol/report.ts';
import { textWidth } from '../../src/local/text-width.ts';
import { MAX_BARS, timeChart } from '../../src/local/time-chart.ts';
import { at, job, jobCompleted, jobStarted, modelOf, started, step } from './recorded-events.ts';

const chart = (steps: readonly StepReport[], columns = 60): string[] =>
  timeChart(
    modelOf(started('CI', { id: 'a' }), jobStarted('a'), jobCompleted('a', job('a', steps))).jobs,
    columns,
    paletteOf(false),
  );

describe('the time chart', () => {
  it('has a bar for each step on one axis, and dots for time in the queue', () => {
    const lines = chart(
      [
        step(1, 'First', 0, 2_000),
        step(2, 'Second', 2_000, 4_000, { outcome: 'failure', conclusion: 'failure' }),
        step(3, 'Queued', 3_000, 4_000, { background: true, queuedAt: at(1_000) }),
      ],
      // Symbol, name, time and blanks take 19: a second is ten columns.
      6 + 7 + 6 + 40,
    );
    expect(lines).toEqual([
      `✓ First     2.0s  ${'█'.repeat(20)}`,
      `✗ Second    2.0s  ${' '.repeat(20)}${'█'.repeat(20)}`,
      `✓ Queued    1.0s  ${' '.repeat(10)}${'·'.repeat(20)}${'█'.repeat(10)}`,
    ]);
  });

  it('leaves out what did not run, and our own steps that took no time', () => {
    const lines = chart([
      step(1, 'Set up job', 0, 20, { kind: 'setup', phase: 'setup' }),
      step(2, 'A', 20, 3_000),
      step(3, 'Skipped', 0, 0, { startedAt: null, completedAt: null, outcome: 'skipped', conclusion: 'skipped' }),
      step(4, 'B', 3_000, 4_000),
      step(5, 'Complete job', 4_000, 9_000, { kind: 'setup', phase: 'complete' }),
    ]);
    expect(lines.map((line) => line.split(/ +/)[1])).toEqual(['A', 'B', 'Complete']);
  });

  it.each([
    ['one step', [step(1, 'A', 0, 9_000)]],
    ['hardly any time', [step(1, 'A', 0, 100), step(2, 'B', 100, 300)]],
    ['nothing', []],
  ])('is empty for %s', (_, steps) => {
    expect(chart(steps)).toEqual([]);
  });

  it('shows the longest of many steps and every failure, in order', () => {
    const many = Array.from({ length: 3 * MAX_BARS }, (_, n) => step(n, `Step ${String(n)}`, 0, 1_000 + n));
    const failed = step(0, 'Step 0', 0, 1, { outcome: 'failure', conclusion: 'failure' });
    const lines = chart([failed, ...many.slice(1)]);
    expect(lines).toHaveLength(MAX_BARS + 1);
    expect(lines[0]).toContain('Step 0 ');
    expect(lines.at(-2)).toContain(`Step ${String(3 * MAX_BARS - 1)}`);
    expect(lines.at(-1)).toBe(`  ${String(2 * MAX_BARS)} shorter steps are not shown`);
  });

  it('never is wider than the window, and gives up where bars make no sense', () => {
    const steps = [step(1, 'A long name of a step 日本語日本語', 0, 1_000), step(2, 'B', 1_000, 1_001)];
    for (let columns = 1; columns < 200; columns++)
      for (const line of chart(steps, columns)) expect(textWidth(line)).toBeLessThan(columns);
    expect(chart(steps, 40)).toEqual([]);
  });
});
