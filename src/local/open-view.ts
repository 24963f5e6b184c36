import type { Palette } from './palette.ts';
import type { RunIo } from './run-local.ts';
import type { RunModel } from './run-model.ts';
import type { RunView } from './run-view.ts';
import type { TextOutput } from './text-output.ts';

export interface ViewOptions extends RunIo {
  readonly model: RunModel;
  readonly palette: Palette;
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
