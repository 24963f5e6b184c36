import type { StepReport } from '../protocol/report.ts';
import { durationText, elapsedMs } from './duration-text.ts';
import { jobTitle } from './job-title.ts';
import type { Palette } from './palette.ts';
import { plainLine } from './plain-line.ts';
import type { JobView } from './run-model.ts';
import { conclusionSymbol } from './symbols.ts';
import { fit, textWidth, truncate } from './text-width.ts';

/** More bars than this are a wall: the longest steps are shown. */
export const MAX_BARS = 40;
const MAX_NAME_COLUMNS = 32;
const TIME_COLUMNS = 7;
const MIN_BAR_COLUMNS = 10;
const MAX_BAR_COLUMNS = 100;
/** Below that there is nothing to see but rounding. */
const MIN_SPAN_MS = 500;
/** What Paceline does around the steps is shown only where it took time. */
const MIN_OWN_MS = 1_000;
/** Ends of a bar, by eighths of a column. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

interface Bar {
  readonly job: string;
  readonly step: StepReport;
  /** Milliseconds since the epoch. */
  readonly queued: number;
  readonly start: number;
  readonly end: number;
}

/**
 * A bar for each step that ran, all on one time axis, dots before it while it waited for a slot. Empty when there is
 * nothing to compare: fewer than two steps, or hardly any time.
 */
export function timeChart(jobs: readonly JobView[], columns: number, palette: Palette): string[] {
  const all = jobs.flatMap(barsOf);
  if (all.length < 2) return [];
  const shown = longest(all, MAX_BARS);
  const from = Math.min(...shown.map(({ queued }) => queued));
  const to = Math.max(...shown.map(({ end }) => end));
  if (to - from < MIN_SPAN_MS) return [];
  const names = Math.min(Math.max(...shown.map(({ step }) => textWidth(plainLine(step.name)))), MAX_NAME_COLUMNS);
  const width = Math.min(columns - names - TIME_COLUMNS - 6, MAX_BAR_COLUMNS);
  if (width < MIN_BAR_COLUMNS) return [];

  const scale = width / (to - from);
  const lines: string[] = [];
  let job: string | null = null;
  for (const bar of shown) {
    if (bar.job !== job && jobs.length > 1) lines.push(palette.bold(truncate(bar.job, columns - 1)));
    job = bar.job;
    const { step, start, end } = bar;
    const name = fit(plainLine(step.name), names);
    const time = durationText(end - start).padStart(TIME_COLUMNS);
    lines.push(`${conclusionSymbol(step.outcome, palette)} ${name} ${time}  ${drawn(bar, from, scale, palette)}`);
  }
  if (shown.length < all.length) lines.push(palette.dim(`  ${all.length - shown.length} shorter steps are not shown`));
  return lines;
}

function barsOf(job: JobView): Bar[] {
  return [...job.steps.values()].flatMap(({ report }) => {
    const ms = elapsedMs(report.startedAt, report.completedAt);
    if (ms === null || report.startedAt === null || report.outcome === 'skipped') return [];
    const isOwn = report.phase === 'setup' || report.phase === 'complete';
    if (isOwn && ms < MIN_OWN_MS && report.outcome === 'success') return [];
    const start = Date.parse(report.startedAt);
    const queued = report.queuedAt === null ? start : Math.min(Date.parse(report.queuedAt), start);
    return [{ job: jobTitle(job), step: report, queued, start, end: start + ms }];
  });
}

/** In their order. Failures are shown however short they are. */
function longest(bars: readonly Bar[], count: number): readonly Bar[] {
  if (bars.length <= count) return bars;
  const weight = ({ step, start, end }: Bar): number => (step.outcome === 'failure' ? Infinity : end - start);
  const chosen = new Set([...bars].sort((a, b) => weight(b) - weight(a)).slice(0, count));
  return bars.filter((bar) => chosen.has(bar));
}

function drawn({ step, queued, start, end }: Bar, from: number, scale: number, palette: Palette): string {
  const before = Math.floor((queued - from) * scale);
  const first = Math.max(Math.floor((start - from) * scale), before);
  const eighths = Math.max(Math.round(((end - from) * scale - first) * 8), 1);
  const bar = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
  const colour = { success: palette.green, failure: palette.red, cancelled: palette.yellow, skipped: palette.dim };
  return `${' '.repeat(before)}${palette.dim('·'.repeat(first - before))}${colour[step.outcome ?? 'skipped'](bar)}`;
}
