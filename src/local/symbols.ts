import type { JobConclusion } from '../protocol/conclusion.ts';
import type { Palette } from './palette.ts';
import type { JobView, StepView } from './run-model.ts';

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** One column: how a step stands. `tick` turns the spinner. */
export function stepSymbol(step: StepView, palette: Palette, tick: number): string {
  switch (step.state) {
    case 'pending':
      return palette.dim('·');
    case 'queued':
      return palette.cyan('◌');
    case 'running':
      return palette.cyan(spinner(tick));
    case 'cancelling':
      return palette.yellow(spinner(tick));
    case 'completed':
      if (step.report.outcome === 'failure' && step.report.conclusion === 'success') return palette.yellow('!');
      return conclusionSymbol(step.report.conclusion, palette);
  }
}

export function jobSymbol(job: JobView, palette: Palette, tick: number): string {
  if (job.state === 'running') return palette.cyan(spinner(tick));
  return job.report === null ? palette.dim('·') : conclusionSymbol(job.report.conclusion, palette);
}

export function conclusionSymbol(conclusion: JobConclusion | null, palette: Palette): string {
  switch (conclusion) {
    case 'success':
      return palette.green('✓');
    case 'failure':
      return palette.red('✗');
    case 'cancelled':
      return palette.yellow('⊘');
    case 'skipped':
    case 'withdrawn':
    case null:
      return palette.dim('–');
  }
}

function spinner(tick: number): string {
  return SPINNER[tick % SPINNER.length] ?? '·';
}
