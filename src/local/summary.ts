import type { Annotation, StepReport } from '../protocol/report.ts';
import { durationText, elapsedMs } from './duration-text.ts';
import { jobTitle, triedAgain } from './job-title.ts';
import type { Palette } from './palette.ts';
import { plainLine } from './plain-line.ts';
import type { JobView, RunModel, StepView } from './run-model.ts';
import { endText } from './step-text.ts';
import { conclusionSymbol } from './symbols.ts';
import { fit, textWidth, truncate } from './text-width.ts';
import { timeChart } from './time-chart.ts';

/** Lines of a failing step that are repeated; its whole log is in `--log-dir`. */
const MAX_FAILURE_LINES = 20;
const MAX_FAILURES = 10;
const MAX_ANNOTATIONS = 20;
const MAX_JOBS = 50;

export interface SummaryOptions {
  readonly columns: number;
  readonly palette: Palette;
  /** Errors and the end result only. */
  readonly quiet: boolean;
}

/** What a finished run comes to, the most urgent first: why it failed, where the time went, jobs, totals, annotations. */
export function summary(model: RunModel, options: SummaryOptions): string {
  const { columns, palette, quiet } = options;
  const sections = [
    failures(model.jobs, columns, palette),
    ...(quiet ? [] : [timeChart(model.jobs, columns, palette), jobTable(model.jobs, columns, palette)]),
    annotations(model.jobs, quiet, palette),
    [total(model, palette)],
  ];
  return `${sections
    .filter((section) => section.length > 0)
    .map((section) => section.join('\n'))
    .join(quiet ? '\n' : '\n\n')}\n`;
}

function failures(jobs: readonly JobView[], columns: number, palette: Palette): string[] {
  const again = triedAgain(jobs);
  const failed = jobs.flatMap((job) =>
    [...job.steps.values()].filter((step) => !again.has(job.key) && isCause(step, job)).map((step) => ({ job, step })),
  );
  const lines = failed.slice(0, MAX_FAILURES).flatMap(({ job, step: { report, tail } }) => {
    const because = endText(report);
    const head = `${jobTitle(job)} / ${plainLine(report.name)} failed${because && `: ${because}`}`;
    return [
      `${palette.red('✗')} ${palette.bold(truncate(head, columns - 3))}`,
      ...withoutHeader(tail.lastLines(MAX_FAILURE_LINES)).map((line) => `  ${palette.dim('│')} ${shownLine(line)}`),
    ];
  });
  if (failed.length > MAX_FAILURES) lines.push(`  and ${failed.length - MAX_FAILURES} more failed steps`);
  return lines;
}

/** A barrier fails because of a step that is shown itself; an excused failure fails nothing. */
function isCause({ report }: StepView, job: JobView): boolean {
  if (report.conclusion !== 'failure') return false;
  const isBarrier = report.kind === 'wait' || report.kind === 'wait-all';
  return !isBarrier || ![...job.steps.values()].some(({ report: other }) => other.background && isFailure(other));
}

function isFailure(report: StepReport): boolean {
  return report.conclusion === 'failure';
}

/** The group that says what is run is not what it said. */
function withoutHeader(lines: readonly string[]): readonly string[] {
  return lines[0]?.startsWith('##[group]Run ') === true ? lines.slice(lines.indexOf('##[endgroup]') + 1) : lines;
}

function shownLine(line: string): string {
  return plainLine(line.replace(/^##\[error\]/, 'Error: ').replace(/^##\[\w+\]/, ''));
}

function jobTable(jobs: readonly JobView[], columns: number, palette: Palette): string[] {
  if (jobs.length < 2) return [];
  const names = Math.min(Math.max(...jobs.map((job) => textWidth(jobTitle(job)))), Math.floor(columns / 2));
  const again = triedAgain(jobs);
  const rows = jobs.slice(0, MAX_JOBS).map((job) => {
    const { key, report, steps } = job;
    const ms = elapsedMs(report?.startedAt ?? null, report?.completedAt ?? null);
    const conclusion = report?.conclusion ?? null;
    const because = report?.reason?.replaceAll('-', ' ') ?? (again.has(key) ? 'tried again' : '');
    const cells = [
      fit(jobTitle(job), names),
      (conclusion ?? 'not run').padEnd('cancelled'.length),
      (ms === null ? '' : durationText(ms)).padStart(7),
      steps.size > 0 ? counted(steps.size, 'step') : '',
      because,
    ];
    return `${conclusionSymbol(conclusion, palette)} ${cells.join('  ').trimEnd()}`;
  });
  if (jobs.length > MAX_JOBS) rows.push(palette.dim(`  ${jobs.length - MAX_JOBS} more jobs`));
  return rows;
}

function annotations(jobs: readonly JobView[], errorsOnly: boolean, palette: Palette): string[] {
  const all = jobs.flatMap((job) =>
    [...job.steps.values()].flatMap(({ report }) =>
      report.annotations
        .filter(({ level }) => !errorsOnly || level === 'error')
        // Said already, with the lines around it.
        .filter(({ message }) => !message.startsWith('Process completed with exit code'))
        .map((annotation) => annotationLine(annotation, job, report, palette)),
    ),
  );
  if (all.length <= MAX_ANNOTATIONS) return all;
  return [...all.slice(0, MAX_ANNOTATIONS), palette.dim(`and ${all.length - MAX_ANNOTATIONS} more annotations`)];
}

function annotationLine(annotation: Annotation, job: JobView, step: StepReport, palette: Palette): string {
  const { level, message, title, file, line } = annotation;
  const colour = { error: palette.red, warning: palette.yellow, notice: palette.cyan }[level];
  const place = file === null ? `${jobTitle(job)} / ${plainLine(step.name)}` : placeOf(file, line);
  const text = plainLine(message.split('\n', 1)[0] ?? '');
  return `${colour(level)} ${place}: ${title === null ? '' : `${plainLine(title)}: `}${text}`;
}

function placeOf(file: string, line: number | null): string {
  return line === null ? plainLine(file) : `${plainLine(file)}:${line}`;
}

function total(model: RunModel, palette: Palette): string {
  const { jobs, conclusion, workflow } = model;
  const ms = elapsedMs(model.startedAt, model.completedAt);
  const steps = jobs.reduce((sum, job) => sum + job.steps.size, 0);
  const colour = conclusion === 'success' ? palette.green : conclusion === 'failure' ? palette.red : palette.yellow;
  const took = ms === null ? '' : ` in ${durationText(ms)}`;
  const what = `${counted(jobs.length, 'job')}, ${counted(steps, 'step')}`;
  const reason = jobs.length === 1 ? (jobs[0]?.report?.reason ?? null) : null;
  const ended = endedAs(conclusion ?? 'not finished', reason);
  return `${conclusionSymbol(conclusion, palette)} ${palette.bold(plainLine(workflow.name))}: ${colour(ended)}${took} (${what})`;
}

/** `failure, timed out`, but `cancelled by user`. */
function endedAs(conclusion: string, reason: string | null): string {
  if (reason === null) return conclusion;
  const because = reason.replaceAll('-', ' ');
  return because.startsWith(conclusion) ? because : `${conclusion}, ${because}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
