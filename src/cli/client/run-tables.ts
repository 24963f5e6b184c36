import { durationText } from '../../local/duration-text.ts';
import { triedAgain } from '../../local/job-title.ts';
import type { Palette } from '../../local/palette.ts';
import { plainLine } from '../../local/plain-line.ts';
import { conclusionText, endText } from '../../local/step-text.ts';
import { conclusionSymbol } from '../../local/symbols.ts';
import { truncate } from '../../local/text-width.ts';
import type { JobView, RunSummary, RunView } from '../../protocol/run-api.ts';
import type { CliHost } from '../cli-host.ts';
import { agoText, paletteFor, type PrintFlags, printTable } from './print.ts';
import { type Column, tableLines } from './table.ts';

/** A line for each run. */
export function printRuns(runs: readonly RunSummary[], flags: PrintFlags, host: CliHost): void {
  const palette = paletteFor(flags, host);
  const columns: readonly Column<RunSummary>[] = [
    { title: 'RUN', text: ({ id }) => String(id), right: true },
    { title: 'STATE', text: stateOf, paint: (text, run) => paint(stateOf(run), palette)(text) },
    { title: 'WORKFLOW', text: ({ name }) => name, least: 12 },
    { title: 'REPOSITORY', text: ({ repository }) => repository ?? '', least: 10 },
    { title: 'REF', text: ({ ref }) => shortRef(ref), least: 8 },
    { title: 'EVENT', text: ({ event }) => event, least: 6 },
    { title: 'TOOK', text: (run) => took(run.startedAt, run.completedAt), right: true },
    { title: 'SUBMITTED', text: ({ createdAt }) => agoText(createdAt, Date.now()) },
  ];
  printTable(columns, runs, 'There is no such run.', host);
}

/** What it is, then each job with its steps. */
export function printRun(run: RunView, flags: PrintFlags, host: CliHost): void {
  const palette = paletteFor(flags, host);
  const { stdout } = host;
  const width = stdout.isTTY ? stdout.columns : null;
  const cut = (line: string): string => (width === null ? line : truncate(line, width - 1));
  const facts = [
    `${run.event} by ${run.actor}, ${agoText(run.createdAt, Date.now())}`,
    ...(run.repository === null ? [] : [`${run.repository} at ${shortRef(run.ref)} (${run.sha?.slice(0, 10) ?? '?'})`]),
    ...(run.attempt > 1 ? [`attempt ${run.attempt}`] : []),
    ...(run.waiting === null ? [] : [`waits: ${run.waiting}`]),
  ];
  stdout.write(`${palette.bold(cut(`Run ${run.id}: ${plainLine(run.name)}`))}\n`);
  stdout.write(`${paint(stateOf(run), palette)(cut(stateOf(run)))}\n`);
  for (const fact of facts) stdout.write(`${cut(plainLine(fact))}\n`);
  const again = triedAgain(run.jobs);
  for (const job of run.jobs) {
    stdout.write(`\n${jobLine(job, again.has(job.key), palette, cut)}\n`);
    const lines = tableLines(STEP_COLUMNS(palette), job.steps, width).slice(1);
    for (const line of lines) stdout.write(`${line}\n`);
  }
}

type Step = JobView['steps'][number];

const STEP_COLUMNS = (palette: Palette): readonly Column<Step>[] => [
  { title: '', text: ({ step }) => `  ${step.number}`, right: true },
  {
    title: '',
    text: (step) => (step.state === 'completed' ? conclusionText(step.step) : step.state),
    paint: (text, step) => paint(step.step.conclusion ?? step.state, palette)(text),
  },
  { title: '', text: ({ step }) => step.name, least: 12 },
  { title: '', text: ({ step }) => took(step.startedAt, step.completedAt), right: true },
  { title: '', text: ({ step }) => `${step.background ? 'background ' : ''}${endText(step)}`.trim(), least: 8 },
];

function jobLine(job: JobView, isAgain: boolean, palette: Palette, cut: (line: string) => string): string {
  const symbol = job.state === 'completed' ? conclusionSymbol(job.conclusion, palette) : palette.cyan('·');
  const parts = [
    `${job.key}${job.name === job.key ? '' : ` (${plainLine(job.name)})`}: ${job.conclusion ?? (job.waitsFor === null ? job.state : job.waiting)}`,
    ...(job.reason === null ? [] : [job.reason.replaceAll('-', ' ')]),
    ...(job.waiting === null || job.waitsFor !== null ? [] : [job.waiting]),
    ...(isAgain ? ['tried again'] : []),
    ...(job.message === null ? [] : [job.message]),
    ...(job.runner === null ? [] : [`on ${job.runner}`]),
    ...(job.attempt > 1 ? [`try ${job.attempt}`] : []),
    ...(job.startedAt === null ? [] : [took(job.startedAt, job.completedAt)]),
  ];
  return `${symbol} ${cut(parts.join(', '))}`;
}

function stateOf(run: RunSummary): string {
  if (run.conclusion !== null) return run.conclusion;
  if (run.cancelling) return 'cancelling';
  if (run.paused) return 'paused';
  return run.state;
}

function paint(state: string, palette: Palette): (text: string) => string {
  const paints: Readonly<Record<string, (text: string) => string>> = {
    success: palette.green,
    failure: palette.red,
    cancelled: palette.yellow,
    cancelling: palette.yellow,
    paused: palette.yellow,
    withdrawn: palette.dim,
    running: palette.cyan,
  };
  return paints[state] ?? ((text) => text);
}

function shortRef(ref: string | null): string {
  return ref?.replace(/^refs\/(?:heads|tags)\//, '') ?? '';
}

/** To now for what goes on. */
function took(from: string | null, to: string | null): string {
  if (from === null) return '';
  return durationText((to === null ? Date.now() : Date.parse(to)) - Date.parse(from));
}
