/**
 * One picture of a run for a terminal: a line for each job and each step, as many as fit. Pure: what it shows is all in
 * its argument. Longer than most because what a row says and which rows give way when there are too many belong together.
 */
import type { StepReport } from '../protocol/report.ts';
import { durationText } from './duration-text.ts';
import { jobTitle } from './job-title.ts';
import type { Palette } from './palette.ts';
import { plainLine } from './plain-line.ts';
import type { JobView, RunModel, StepView } from './run-model.ts';
import { endText } from './step-text.ts';
import { jobSymbol, stepSymbol } from './symbols.ts';
import { fit, textWidth, truncate } from './text-width.ts';

export interface FrameInput {
  readonly model: RunModel;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
  readonly palette: Palette;
  /** Counts frames: turns the spinner. */
  readonly tick: number;
  /** A last line of ours; null for none. */
  readonly notice: string | null;
}

/** Lines without line breaks, none wider than the terminal less one column, never more than its rows less one. */
export function liveFrame(input: FrameInput): string[] {
  const { columns, rows, palette, notice } = input;
  const width = columns - 1;
  const header = palette.bold(truncate(titleOf(input), width));
  const footer = notice === null ? [] : [palette.yellow(truncate(notice, width))];
  const room = Math.max(rows - 2 - footer.length, 1);
  return [header, ...drawn(fitting(input.model.jobs, room), input, width), ...footer];
}

/** One line of the picture, before it has a width. */
interface Row {
  readonly depth: 0 | 1;
  readonly symbol: string;
  readonly name: string;
  readonly ms: number | null;
  readonly detail: string;
  /** The bar before a background step: steps whose bars touch run side by side. */
  readonly bar: 'none' | 'waiting' | 'running' | 'done';
}

type Line = { readonly kind: 'job'; readonly job: JobView } | StepLine | CountLine;
interface StepLine {
  readonly kind: 'step';
  readonly job: JobView;
  readonly step: StepView;
}
interface CountLine {
  readonly kind: 'count';
  readonly depth: 0 | 1;
  readonly symbol: 'done' | 'waiting';
  readonly text: string;
}

/** What gives way when there is too little room, in this order; what runs and what failed is given up last. */
const LEVELS = ['all', 'done jobs short', 'done steps counted', 'pending steps counted', 'jobs counted'] as const;

function fitting(jobs: readonly JobView[], room: number): readonly Line[] {
  let lines: readonly Line[] = [];
  for (const level of LEVELS.keys()) {
    lines = linesAt(jobs, level);
    if (lines.length <= room) return lines;
  }
  const hidden = lines.length - room + 1;
  return [
    ...lines.slice(0, room - 1),
    { kind: 'count', depth: 0, symbol: 'waiting', text: `${hidden} more lines do not fit` },
  ];
}

function linesAt(jobs: readonly JobView[], level: number): Line[] {
  const lines: Line[] = [];
  const counted = level >= 4 ? jobs.filter((job) => job.state === 'completed' && !hasFailed(job)) : [];
  const waiting = level >= 4 ? jobs.filter((job) => job.state === 'waiting') : [];
  if (counted.length > 1)
    lines.push({ kind: 'count', depth: 0, symbol: 'done', text: `${counted.length} jobs completed` });
  for (const job of jobs) {
    if ((counted.length > 1 && counted.includes(job)) || (waiting.length > 1 && waiting.includes(job))) continue;
    lines.push({ kind: 'job', job }, ...stepLines(job, level));
  }
  if (waiting.length > 1)
    lines.push({ kind: 'count', depth: 0, symbol: 'waiting', text: `${waiting.length} jobs waiting` });
  return lines;
}

function stepLines(job: JobView, level: number): Line[] {
  const steps = [...job.steps.values()];
  const wentWell = (step: StepView): boolean => step.state === 'completed' && step.report.outcome !== 'failure';
  if (job.state === 'completed' && level >= 1)
    return steps.filter((step) => !wentWell(step)).map((step) => ({ kind: 'step', job, step }));
  const done = level >= 2 ? steps.filter(wentWell) : [];
  const pending = level >= 3 ? steps.filter(({ state }) => state === 'pending' || state === 'queued') : [];
  const hidden = new Set([...(done.length > 1 ? done : []), ...(pending.length > 1 ? pending : [])]);
  const lines: Line[] = steps.filter((step) => !hidden.has(step)).map((step) => ({ kind: 'step', job, step }));
  if (done.length > 1)
    lines.unshift({ kind: 'count', depth: 1, symbol: 'done', text: `${done.length} steps completed` });
  if (pending.length > 1)
    lines.push({ kind: 'count', depth: 1, symbol: 'waiting', text: `${pending.length} steps to come` });
  return lines;
}

function drawn(lines: readonly Line[], input: FrameInput, width: number): string[] {
  const rows = lines.map((line) => rowOf(line, input));
  const nameOf = ({ depth, name }: Row): number => textWidth(name) + 3 * depth;
  const names = Math.min(Math.max(...rows.map(nameOf), MIN_NAME_COLUMNS), Math.floor(width * MAX_NAME_SHARE));
  return rows.map((row) => drawnRow(row, names, width, input.palette));
}

const MIN_NAME_COLUMNS = 16;
const MAX_NAME_SHARE = 0.45;
const TIME_COLUMNS = 7;

function drawnRow(row: Row, names: number, width: number, palette: Palette): string {
  const bar = { none: ' ', waiting: palette.dim('┆'), running: palette.cyan('┃'), done: palette.dim('┃') }[row.bar];
  const head = row.depth === 0 ? '' : ` ${bar} `;
  const time = (row.ms === null ? '' : durationText(row.ms)).padStart(TIME_COLUMNS);
  const name = fit(row.name, Math.max(names - 3 * row.depth, 1));
  const left = width - names - TIME_COLUMNS - 5;
  const detail = left > 0 ? truncate(row.detail, left) : '';
  return `${head}${row.symbol} ${row.depth === 0 ? palette.bold(name) : name} ${time}${detail && `  ${palette.dim(detail)}`}`.trimEnd();
}

function rowOf(line: Line, input: FrameInput): Row {
  const { palette, tick, now } = input;
  switch (line.kind) {
    case 'count':
      return {
        depth: line.depth,
        symbol: line.symbol === 'done' ? palette.green('✓') : palette.dim('·'),
        name: line.text,
        ms: null,
        detail: '',
        bar: 'none',
      };
    case 'job': {
      const { job } = line;
      return {
        depth: 0,
        symbol: jobSymbol(job, palette, tick),
        name: jobTitle(job),
        ms: spanOf(job.startedAt, job.report?.completedAt ?? null, now),
        detail: jobDetail(job),
        bar: 'none',
      };
    }
    case 'step': {
      const { step, job } = line;
      return {
        depth: 1,
        symbol: stepSymbol(step, palette, tick),
        name: plainLine(step.report.name),
        ms: spanOf(step.report.startedAt, step.report.completedAt, now),
        detail: stepDetail(step, job),
        bar: barOf(step),
      };
    }
  }
}

function titleOf({ model, now }: FrameInput): string {
  const ms = spanOf(model.startedAt, model.completedAt, now);
  return `${plainLine(model.workflow.name)}${ms === null ? '' : `  ${durationText(ms)}`}${model.paused ? '  paused' : ''}`;
}

function barOf({ state, report }: StepView): Row['bar'] {
  if (!report.background) return 'none';
  if (state === 'pending' || state === 'queued') return 'waiting';
  return state === 'completed' ? 'done' : 'running';
}

function jobDetail(job: JobView): string {
  if (job.state === 'waiting') {
    if (job.waiting !== null) return plainLine(job.waiting);
    return job.needs.length > 0 ? `waits for ${job.needs.join(', ')}` : '';
  }
  if (job.state === 'completed') return job.report?.reason?.replaceAll('-', ' ') ?? '';
  const running = [...job.steps.values()].filter((step) => barOf(step) === 'running').length;
  return running > 0 ? `${running} in the background` : '';
}

function stepDetail(step: StepView, job: JobView): string {
  const { state, report, tail } = step;
  const printed = plainLine(tail.lastLine ?? '').replace(COMMAND_LINE, '');
  switch (state) {
    case 'pending':
      return '';
    case 'queued': {
      const ahead = [...job.steps.values()].filter(
        (other) => other.state === 'queued' && other.report.number < report.number,
      ).length;
      return ahead > 0 ? `queued, ${ahead} ahead` : 'queued';
    }
    case 'cancelling':
      return `ending  ${printed}`.trimEnd();
    case 'running':
      return printed || targetsText(report);
    case 'completed':
      return endText(report) || printed;
  }
}

/** Generated ids mean nothing to a person. */
function targetsText({ targets }: StepReport): string {
  if (targets.length === 0) return '';
  const named = targets.filter((target) => !target.startsWith('__'));
  return `waits for ${named.length === targets.length ? named.join(', ') : `${targets.length} steps`}`;
}

function hasFailed(job: JobView): boolean {
  return job.report?.conclusion === 'failure';
}

function spanOf(from: string | null, to: string | null, now: number): number | null {
  return from === null ? null : (to === null ? now : Date.parse(to)) - Date.parse(from);
}

/** Marks of the log that a person does not need to see. */
const COMMAND_LINE = /^##\[(?:group|endgroup|error|warning|notice|debug|command)\]/;
