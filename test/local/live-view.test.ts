import { describe, expect, it } from '@jest/globals';
import { FRAME_MS, openLiveView } from '../../src/local/live-view.ts';
import { paletteOf } from '../../src/local/palette.ts';
import { RunModel } from '../../src/local/run-model.ts';
import type { RunView } from '../../src/local/run-view.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeScreen } from './fake-screen.ts';
import {
  FakeOutput,
  job,
  jobCompleted,
  jobStarted,
  runCompleted,
  running,
  START,
  started,
  step,
  stepIs,
} from './recorded-events.ts';

/** A view on a screen on which a command line was typed before. */
async function opened(): Promise<{
  view: RunView;
  model: RunModel;
  output: FakeOutput;
  screen: FakeScreen;
  clock: FakeClock;
}> {
  const clock = new FakeClock(START);
  const model = new RunModel({ name: 'CI', path: 'ci.yml' });
  const output = new FakeOutput();
  const screen = new FakeScreen();
  screen.write('$ paceline run\n');
  output.write = (text) => screen.write(String(text));
  const view = await openLiveView({ model, output, palette: paletteOf(true), clock });
  return { view, model, output, screen, clock };
}

const busy = [started('CI', { id: 'a' }), jobStarted('a'), stepIs('a', 'running', running(step(1, 'Test', 0, 0)))];

describe('the live view', () => {
  it('draws over itself, below what was there, and leaves the last picture', async () => {
    const { view, model, screen, clock } = await opened();
    for (const event of busy) model.apply(event);
    await clock.advance(FRAME_MS);
    expect(screen.shown).toEqual([
      '$ paceline run',
      'CI  0.1s',
      expect.stringMatching(/^⠋ a +0\.1s$/),
      expect.stringMatching(/^ {3}⠋ Test +0\.1s$/),
    ]);
    model.output('a', 1, Buffer.from('hello\n'));
    await clock.advance(900);
    expect(screen.shown.at(-1)).toMatch(/^ {3}. Test +1\.0s {2}hello$/);
    const done = step(1, 'Test', 0, 1_000);
    for (const event of [
      stepIs('a', 'completed', done),
      jobCompleted('a', job('a', [done])),
      runCompleted(1_000, 'success'),
    ])
      model.apply(event);
    view.end();
    expect(screen.shown).toEqual([
      '$ paceline run',
      'CI  1.0s',
      expect.stringMatching(/^✓ a +10\.0s$/),
      expect.stringMatching(/^ {3}✓ Test +1\.0s {2}hello$/),
    ]);
    screen.write('summary\n');
    expect(screen.shown.at(-1)).toBe('summary');
    expect(screen.shown).toHaveLength(5);
  });

  it('draws at most ten times a second, however much happens', async () => {
    const { view, model, screen, clock } = await opened();
    for (const event of busy) model.apply(event);
    for (let n = 0; n < 1_000; n++) {
      model.output('a', 1, Buffer.from(`line ${String(n)}\n`));
      view.output('a', 1, Buffer.from(`line ${String(n)}\n`));
      await clock.advance(2);
    }
    expect(screen.draws).toBeLessThanOrEqual(20);
    expect(screen.draws).toBeGreaterThan(15);
    view.end();
  });

  it('hides the cursor while it draws, and leaves no timer and no listener', async () => {
    const { view, output, screen, clock } = await opened();
    expect(screen.cursorVisible).toBe(false);
    expect([clock.pendingTimers, output.listeners]).toEqual([1, 1]);
    view.end();
    view.end();
    expect(screen.cursorVisible).toBe(true);
    expect([clock.pendingTimers, output.listeners]).toEqual([0, 0]);
  });

  it('shows a notice at once', async () => {
    const { view, screen } = await opened();
    view.notice('Cancelling.');
    expect(screen.shown.at(-1)).toBe('Cancelling.');
    view.end();
  });

  it('follows the size of the window', async () => {
    const { view, model, output, screen, clock } = await opened();
    for (const event of busy) model.apply(event);
    model.output('a', 1, Buffer.from(`${'x'.repeat(300)}\n`));
    await clock.advance(FRAME_MS);
    expect(Math.max(...screen.shown.map((line) => line.length))).toBe(79);
    output.resize(120, 24);
    expect(Math.max(...screen.shown.map((line) => line.length))).toBe(119);
    expect(screen.shown[0]).toBe('$ paceline run');
    view.end();
  });

  it('erases the lines that a narrower window has broken', async () => {
    const { view, model, output, clock } = await opened();
    for (const event of busy) model.apply(event);
    model.output('a', 1, Buffer.from(`${'x'.repeat(300)}\n`));
    await clock.advance(FRAME_MS);
    let written = '';
    output.write = (text) => void (written += String(text));
    output.resize(40, 24);
    // The one line of 79 columns takes two rows in a window of 40: one more than there are lines.
    // eslint-disable-next-line no-control-regex -- cursor up
    expect(written.match(/\u001b\[1A/g)!.length).toBe(3 + 1);
    view.end();
  });
});
