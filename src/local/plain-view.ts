import type { RunEvent } from '../protocol/events.ts';
import type { StepReport } from '../protocol/report.ts';
import { durationText, elapsedMs } from './duration-text.ts';
import type { RunModel } from './run-model.ts';
import type { RunView } from './run-view.ts';
import { conclusionText, endText } from './step-text.ts';
import type { TextOutput } from './text-output.ts';
import { truncate } from './text-width.ts';
import { plainLine } from './plain-line.ts';

/** Longest step name in a prefix. */
const MAX_NAME_COLUMNS = 40;

/**
 * For pipes and CI: whole lines, each prefixed `job/step | `, so that steps that run side by side can be told apart and
 * taken apart with `grep`. Adds no escape sequences; those of the steps stay.
 */
export class PlainView implements RunView {
  readonly #model: RunModel;
  readonly #output: TextOutput;
  readonly #notices: TextOutput;
  /** By job and step, as Latin-1 bytes; see {@link prefixed}. */
  readonly #prefixes = new Map<string, string>();

  /** What is said to the person goes to `notices`: it is no part of the log. */
  constructor(model: RunModel, output: TextOutput, notices: TextOutput) {
    this.#model = model;
    this.#output = output;
    this.#notices = notices;
  }

  event(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
        this.#output.write(`${plainLine(event.workflow.name)} (${event.workflow.path})\n`);
        return;
      case 'job-started':
        this.#job(event.job, event.name === event.job ? 'started' : `started: ${plainLine(event.name)}`);
        return;
      case 'step':
        if (event.state === 'completed') this.#job(event.job, ended(event.step));
        return;
      case 'job-completed': {
        const { conclusion, reason, startedAt, completedAt } = event.report;
        const ms = elapsedMs(startedAt, completedAt);
        const because = reason === null ? '' : ` (${reason})`;
        this.#job(event.job, `${conclusion}${ms === null ? '' : ` in ${durationText(ms)}`}${because}`);
        return;
      }
      case 'log':
      case 'annotation':
      case 'run-completed':
        return;
      default:
        event satisfies never;
    }
  }

  output(job: string, step: number, lines: Buffer): void {
    this.#output.write(prefixed(lines, this.#prefix(job, step)));
  }

  notice(text: string): void {
    this.#notices.write(`${text}\n`);
  }

  end(): void {
    // Every line was written as it came.
  }

  #job(job: string, text: string): void {
    this.#output.write(`${job} | ${text}\n`);
  }

  #prefix(job: string, step: number): string {
    const key = `${job}/${step}`;
    const known = this.#prefixes.get(key);
    if (known !== undefined) return known;
    const report = this.#model.jobs.find((view) => view.key === job)?.steps.get(step)?.report;
    const name = report ? truncate(plainLine(report.name), MAX_NAME_COLUMNS) : String(step);
    const prefix = Buffer.from(`${job}/${name} | `).toString('latin1');
    // Only a step that was announced has its name; until then the number stands for it.
    if (report) this.#prefixes.set(key, prefix);
    return prefix;
  }
}

function ended(step: StepReport): string {
  const ms = elapsedMs(step.startedAt, step.completedAt);
  const because = endText(step);
  return `${plainLine(step.name)}: ${conclusionText(step)}${ms === null ? '' : ` in ${durationText(ms)}`}${because && ` (${because})`}`;
}

/** Bytes are bytes in Latin-1: one pass without decoding, whatever the lines hold. */
function prefixed(lines: Buffer, prefix: string): Buffer {
  const text = lines.toString('latin1', 0, lines.length - 1);
  return Buffer.from(`${prefix}${text.replaceAll('\n', `\n${prefix}`)}\n`, 'latin1');
}
