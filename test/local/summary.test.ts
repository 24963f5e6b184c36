import { describe, expect, it } from '@jest/globals';
import { paletteOf } from '../../src/local/palette.ts';
import type { RunModel } from '../../src/local/run-model.ts';
import type { Annotation, StepReport } from '../../src/protocol/report.ts';
import { summary } from '../../src/local/summary.ts';
import {
  job,
  jobCompleted,
  jobStarted,
  modelOf,
  runCompleted,
  running,
  started,
  step,
  stepIs,
} from './recorded-events.ts';

const FAILED = { outcome: 'failure', conclusion: 'failure' } as const;

function annotation(level: Annotation['level'], message: string, more: Partial<Annotation> = {}): Annotation {
  return { level, message, title: null, file: null, line: null, endLine: null, column: null, endColumn: null, ...more };
}

function failedRun(report: StepReport, printed: string): RunModel {
  const model = modelOf(started('CI', { id: 'a' }), jobStarted('a'), stepIs('a', 'running', running(report)));
  model.output('a', report.number, Buffer.from(printed));
  for (const event of [
    jobCompleted('a', job('a', [report], { conclusion: 'failure' })),
    runCompleted(3_000, 'failure'),
  ])
    model.apply(event);
  return model;
}

const shown = (model: RunModel, quiet = false): string[] =>
  summary(model, { columns: 80, palette: paletteOf(false), quiet }).split('\n');

describe('the summary', () => {
  it('begins with the last lines of what failed, without the header and without colours', () => {
    const printed = `##[group]Run make\nmake\n##[endgroup]\n\u001b[31mbroken\u001b[0m\n##[error]Process completed with exit code 2.\n`;
    expect(shown(failedRun(step(1, 'Make', 0, 1_000, { ...FAILED, exitCode: 2 }), printed))).toEqual([
      '✗ a / Make failed: exit code 2',
      '  │ broken',
      '  │ Error: Process completed with exit code 2.',
      '',
      '✗ CI: failure in 3.0s (1 job, 1 step)',
      '',
    ]);
  });

  it('shows twenty lines of a failure', () => {
    const printed = Array.from({ length: 100 }, (_, n) => `line ${String(n)}\n`).join('');
    const lines = shown(failedRun(step(1, 'Make', 0, 1_000, FAILED), printed)).filter((line) => line.startsWith('  │'));
    expect(lines).toHaveLength(20);
    expect(lines.at(-1)).toBe('  │ line 99');
  });

  it('leaves out a barrier that failed because of a step that is shown', () => {
    const steps = [
      step(1, 'Shard', 0, 1_000, { ...FAILED, background: true }),
      step(2, 'All shards', 0, 1_000, { ...FAILED, kind: 'wait-all' }),
    ];
    const text = shown(
      modelOf(started('CI', { id: 'a' }), jobCompleted('a', job('a', steps)), runCompleted(1, 'failure')),
    ).join('\n');
    expect(text).toContain('a / Shard failed');
    expect(text).not.toContain('a / All shards failed');
  });

  it('does not call an excused failure one', () => {
    const excused = step(1, 'Flaky', 0, 1_000, { outcome: 'failure', conclusion: 'success' });
    expect(shown(failedRun(excused, 'no\n')).join('\n')).not.toContain('failed');
  });

  it('has a table of several jobs, with the reason where there is one', () => {
    const model = modelOf(
      started('CI', { id: 'build' }, { id: 'deploy', needs: ['build'] }),
      jobCompleted('build', job('build', [step(1, 'A', 0, 1)])),
      jobCompleted(
        'deploy',
        job('deploy', [], { conclusion: 'skipped', reason: 'needs', startedAt: null, completedAt: null }),
      ),
      runCompleted(10_000, 'success'),
    );
    expect(shown(model)).toEqual([
      '✓ build   success      10.0s  1 step',
      '– deploy  skipped               needs',
      '',
      '✓ CI: success in 10.0s (2 jobs, 1 step)',
      '',
    ]);
  });

  it('lists annotations with their place, and what is said already only once', () => {
    const annotations = [
      annotation('error', 'Process completed with exit code 1.'),
      annotation('error', 'bad\nmore of it', { file: 'a.js', line: 3, title: 'Lint' }),
      annotation('warning', 'careful'),
    ];
    const model = failedRun(step(1, 'Lint', 0, 1_000, { ...FAILED, exitCode: 1, annotations }), 'x\n');
    expect(shown(model).slice(3, 5)).toEqual(['error a.js:3: Lint: bad', 'warning a / Lint: careful']);
  });

  it('is quiet: what failed, errors, and the end', () => {
    const annotations = [annotation('warning', 'careful'), annotation('error', 'bad')];
    const model = failedRun(step(1, 'Lint', 0, 9_000, { ...FAILED, exitCode: 1, annotations }), 'x\n');
    expect(shown(model, true)).toEqual([
      '✗ a / Lint failed: exit code 1',
      '  │ x',
      'error a / Lint: bad',
      '✗ CI: failure in 3.0s (1 job, 1 step)',
      '',
    ]);
  });

  it('says why a run of one job was cancelled', () => {
    const model = modelOf(
      started('CI', { id: 'a' }),
      jobCompleted('a', job('a', [], { conclusion: 'cancelled', reason: 'timed-out' })),
      runCompleted(1_000, 'cancelled'),
    );
    expect(shown(model).at(-2)).toBe('⊘ CI: cancelled, timed out in 1.0s (1 job, 0 steps)');
  });
});
