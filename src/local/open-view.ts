import type { Clock } from '../kernel/clock.ts';
import type { Palette } from './palette.ts';
import type { RunModel } from './run-model.ts';
import type { RunView } from './run-view.ts';
import type { TextOutput } from './text-output.ts';

export interface ViewOptions {
  readonly model: RunModel;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly palette: Palette;
  readonly colour: boolean;
  readonly live: boolean;
  readonly quiet: boolean;
  readonly clock: Clock;
}

/** The view that fits; only its own modules are loaded. */
export async function openView(options: ViewOptions): Promise<RunView> {
  const { model, stdout, stderr, palette, clock } = options;
  if (options.quiet) return quietView(stderr);
  if (options.live) {
    const { openLiveView } = await import('./live-view.ts');
    return openLiveView({ model, output: stdout, palette, clock });
  }
  const { PlainView } = await import('./plain-view.ts');
  return new PlainView(model, stdout, stderr, options.colour);
}

/** Says nothing but what must be said. */
function quietView(stderr: TextOutput): RunView {
  return {
    event: () => undefined,
    output: () => undefined,
    notice: (text) => stderr.write(`${text}\n`),
    end: () => undefined,
  };
}
