import type { Clock } from '../kernel/clock.ts';
import { liveFrame } from './live-frame.ts';
import type { Palette } from './palette.ts';
import type { RunModel } from './run-model.ts';
import type { RunView } from './run-view.ts';
import type { TextOutput } from './text-output.ts';
import { textWidth } from './text-width.ts';
import { stripVTControlCharacters } from 'node:util';

/** At most ten pictures a second: more is flicker, and costs the steps their processor. */
export const FRAME_MS = 100;

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const UP_AND_ERASE = '\u001b[1A\u001b[2K';

export interface LiveViewOptions {
  readonly model: RunModel;
  readonly output: TextOutput;
  readonly palette: Palette;
  readonly clock: Clock;
}

/** For a terminal: the picture of {@link liveFrame}, drawn over itself while the run goes on. */
export async function openLiveView(options: LiveViewOptions): Promise<RunView> {
  const { createLogUpdate } = await import('log-update');
  const { model, output, palette, clock } = options;
  const screen = {
    isTTY: true,
    write: (text: string) => output.write(text),
    get columns() {
      return output.columns;
    },
    get rows() {
      return output.rows;
    },
  } as unknown as NodeJS.WriteStream;
  // The library would hide the cursor of standard error, whatever it is told to write to.
  const draw = createLogUpdate(screen, { showCursor: true });

  let notice: string | null = null;
  let tick = 0;
  let shown: readonly string[] = [];
  let cancelFrame: () => void = () => undefined;
  let ended = false;

  const paint = (): void => {
    const { columns, rows } = output;
    shown = liveFrame({ model, now: clock.now(), columns, rows, palette, tick, notice });
    tick++;
    draw(shown.join('\n'));
  };
  // Times and the spinner move on their own, so there is always a next picture.
  const schedule = (): void => {
    cancelFrame = clock.after(FRAME_MS, () => {
      paint();
      schedule();
    });
  };
  const stopResize = output.onResize(() => {
    // Most terminals break the lines of a picture that became too wide, so it takes more rows than it has lines.
    const rows = shown.map((line) => Math.ceil(textWidth(stripVTControlCharacters(line)) / output.columns) || 1);
    const extra = rows.reduce((sum, count) => sum + count, 0) - shown.length;
    draw.clear();
    if (extra > 0) output.write(UP_AND_ERASE.repeat(Math.min(extra, output.rows)));
    paint();
  });

  output.write(HIDE_CURSOR);
  schedule();
  return {
    event: () => undefined,
    output: () => undefined,
    notice(text) {
      notice = text;
      if (!ended) paint();
    },
    end() {
      if (ended) return;
      ended = true;
      cancelFrame();
      stopResize();
      notice = null;
      paint();
      draw.done();
      output.write(SHOW_CURSOR);
    },
  };
}
