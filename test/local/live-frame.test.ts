import { describe, expect, it } from '@jest/globals';
import { liveFrame } from '../../src/local/live-frame.ts';
import { paletteOf } from '../../src/local/palette.ts';
import type { RunModel } from '../../src/local/run-model.ts';
import { textWidth } from '../../src/local/text-width.ts';
import {
  at,
  job,
  jobCompleted,
  jobStarted,
  modelOf,
  pending,
  running,
  START,
  started,
  step,
  stepIs,
} from './recorded-events.ts';

const frame = (
  model: RunModel,
  size: { columns?: number; rows?: number; now?: number; notice?: string } = {},
): string[] =>
  liveFrame({
    model,
    now: START + (size.now ?? 5_000),
    columns: size.columns ?? 80,
    rows: size.rows ?? 40,
    palette: paletteOf(false),
    tick: 0,
    notice: size.notice ?? null,
  });

const background = { background: true, queuedAt: at(100) };

describe('a picture of a run', () => {
  it('has a line for each job and step, with state, elapsed time and last output', () => {
    const model = modelOf(
      started('CI', { id: 'build' }, { id: 'deploy', needs: ['build'] }),
      jobStarted('build'),
      stepIs('build', 'completed', step(1, 'Install', 0, 1_200)),
      stepIs('build', 'running', running(step(2, 'Test', 1_300, 9_000))),
      stepIs('build', 'pending', pending(step(3, 'Upload', 0, 0))),
    );
    model.output('build', 2, Buffer.from('one\n\u001b[31mtwo\u001b[0m\r\n'));
    expect(frame(model)).toEqual([
      'CI  5.0s',
      '⠋ build               5.0s',
      '   ✓ Install          1.2s',
      '   ⠋ Test             3.7s  two',
      '   · Upload',
      '· deploy                    waits for build',
    ]);
  });

  it('shows background steps by a bar, and how many are ahead of a queued one', () => {
    const model = modelOf(
      started('CI', { id: 'j' }),
      jobStarted('j'),
      stepIs('j', 'running', running(step(1, 'Server', 200, 0, background))),
      stepIs('j', 'queued', pending(step(2, 'Shard 1', 0, 0, background))),
      stepIs('j', 'queued', pending(step(3, 'Shard 2', 0, 0, background))),
      stepIs('j', 'completed', step(4, 'Shard 0', 200, 1_000, background)),
    );
    expect(frame(model).slice(1)).toEqual([
      '⠋ j                   5.0s  1 in the background',
      ' ┃ ⠋ Server           4.8s',
      ' ┆ ◌ Shard 1                queued',
      ' ┆ ◌ Shard 2                queued, 1 ahead',
      ' ┃ ✓ Shard 0          0.8s',
    ]);
  });

  it('says what a barrier waits for, and why a step ended as it did', () => {
    const failed = { outcome: 'failure', conclusion: 'failure' } as const;
    const model = modelOf(
      started('CI', { id: 'j' }),
      jobStarted('j'),
      stepIs('j', 'completed', step(1, 'a', 0, 100, { ...failed, exitCode: 2 })),
      stepIs('j', 'completed', step(2, 'b', 0, 100, { ...failed, reason: 'timed-out', exitCode: null })),
      stepIs('j', 'completed', step(3, 'c', 0, 100, { ...failed, conclusion: 'success', reason: 'failure-ignored' })),
      stepIs('j', 'running', running(step(4, 'd', 0, 0, { kind: 'wait', targets: ['x', 'y'] }))),
      stepIs('j', 'running', running(step(5, 'e', 0, 0, { kind: 'wait', targets: ['__run', '__run_2'] }))),
      stepIs('j', 'cancelling', running(step(6, 'f', 0, 0))),
    );
    const details = frame(model)
      .slice(2)
      .map((line) => line.trim().replace(/\s{2,}/g, ' | '));
    expect(details).toEqual([
      '✗ a | 0.1s | exit code 2',
      '✗ b | 0.1s | timed out',
      '! c | 0.1s | continue-on-error',
      '⠋ d | 5.0s | waits for x, y',
      '⠋ e | 5.0s | waits for 2 steps',
      '⠋ f | 5.0s | ending',
    ]);
  });

  it('puts instances and called jobs where their job was declared', () => {
    const model = modelOf(
      started('CI', { id: 'a' }, { id: 'b' }, { id: 'c' }),
      jobStarted('b.1', 0, 'b'),
      jobStarted('c.inner', 0, 'c.inner'),
      jobStarted('b.2', 0, 'b'),
      jobStarted('a'),
    );
    expect(model.jobs.map(({ key }) => key)).toEqual(['a', 'b.1', 'b.2', 'c.inner']);
  });

  it('says what the next Ctrl-C does, last', () => {
    expect(frame(modelOf(started('CI', { id: 'a' })), { notice: 'Cancelling.' }).at(-1)).toBe('Cancelling.');
  });

  it('shows nothing that a program printed to move the cursor or colour', () => {
    const model = modelOf(
      started('CI', { id: 'j' }),
      jobStarted('j'),
      stepIs('j', 'running', running(step(1, 'evil \u001b[2J\u0007name', 0, 0))),
    );
    model.output('j', 1, Buffer.from('\u001b[10A\u001b[2Kgone\u009b2J\u202e\n'));
    // eslint-disable-next-line no-control-regex -- these must not come through
    expect(frame(model).join('\n')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});

describe('a picture of a run in a small window', () => {
  const jobs = 30;
  const steps = 20;
  const big = modelOf(
    started('Big', ...Array.from({ length: jobs }, (_, n) => ({ id: `job${String(n)}` }))),
    ...Array.from({ length: jobs }, (_, n) => {
      const id = `job${String(n)}`;
      const all = Array.from({ length: steps }, (__, s) =>
        step(s + 1, `Step ${String(s)} with a long name 日本語`, 0, 100),
      );
      if (n < 10) return [jobStarted(id), jobCompleted(id, job(id, all))];
      if (n > 12) return [];
      return [
        jobStarted(id),
        ...all.map((report, s) =>
          s < 10
            ? stepIs(id, 'completed', s === 3 ? { ...report, outcome: 'failure', conclusion: 'failure' } : report)
            : s === 10
              ? stepIs(id, 'running', running(report))
              : stepIs(id, 'pending', pending(report)),
        ),
      ];
    }).flat(),
  );

  it('never has more lines than the window, nor (from 16 columns) a line as wide as it', () => {
    for (const columns of [1, 5, 10, 20, 40, 80, 200])
      for (const rows of [1, 2, 3, 5, 10, 24, 50, 100, 1_000]) {
        const lines = frame(big, { columns, rows });
        expect(lines.length).toBeLessThan(Math.max(rows, 3));
        for (const line of lines) expect(textWidth(line)).toBeLessThan(Math.max(columns, 16));
      }
  });

  it('gives up what is done and what is to come before what runs or failed', () => {
    const text = frame(big, { rows: 24 }).join('\n');
    expect(text.match(/Step 10 /g)).toHaveLength(3);
    expect(text.match(/✗ Step 3 /g)).toHaveLength(3);
    expect(text).toContain('10 jobs completed');
    expect(text).toContain('17 jobs waiting');
    expect(text).toContain('9 steps completed');
    expect(text).toContain('9 steps to come');
  });

  it('says how much does not fit', () => {
    expect(frame(big, { rows: 8 }).at(-1)).toMatch(/\d+ more lines do not fit/);
  });

  it('shows everything where there is room', () => {
    expect(frame(big, { rows: 1_000 })).toHaveLength(1 + jobs + 13 * steps);
  });
});
