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
  readonly #colour: boolean;
  readonly #output: TextOutput;
  readonly #notices: TextOutput;
  /** By job and step, as Latin-1 bytes; see {@link prefixed}. */
  readonly #prefixes = new Map<string, string>();
  /** Steps whose header, the group that says what is run, is over. */
  readonly #headed = new Set<string>();

  /** What is said to the person goes to `notices`: it is no part of the log. */
  constructor(model: RunModel, output: TextOutput, notices: TextOutput, colour: boolean) {
    this.#model = model;
    this.#colour = colour;
    this.#output = output;
    this.#notices = notices;
  }

  event(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
        this.#output.write(`${titleOf(event.workflow)}\n`);
        return;
      case 'waiting':
        if (event.job === null) this.#output.write(`${waits(event.reason)}\n`);
        else this.#job(event.job, waits(event.reason));
        return;
      case 'flow-request':
        if (event.refused !== undefined) this.#job(event.job, `refused: ${plainLine(event.refused)}`);
        return;
      case 'run-paused':
        this.#output.write(event.paused ? 'paused: nothing more starts\n' : 'resumed\n');
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
      case 'job-queued':
      case 'run-completed':
        return;
      default:
        event satisfies never;
    }
  }

  output(job: string, step: number, lines: Buffer): void {
    const key = `${job}/${step}`;
    const header = this.#colour || this.#headed.has(key) ? 0 : headerEnd(lines);
    if (header < lines.length) this.#headed.add(key);
    const prefix = this.#prefix(job, step);
    // Scripts stand in the header in a colour of ours.
    if (header > 0) this.#output.write(prefixed(withoutColour(lines.subarray(0, header)), prefix));
    if (header < lines.length) this.#output.write(prefixed(lines.subarray(header), prefix));
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

function titleOf({ name, path }: { readonly name: string; readonly path: string }): string {
  return name === path ? path : `${plainLine(name)} (${path})`;
}

function waits(reason: string): string {
  return `${reason.startsWith('waiting') ? '' : 'waits: '}${plainLine(reason)}`;
}

/** Where the header ends that the lines begin with; 0 when they begin with something else. */
function headerEnd(lines: Buffer): number {
  if (!lines.subarray(0, HEADER_START.length).equals(HEADER_START)) return 0;
  const end = lines.indexOf(HEADER_END);
  return end < 0 ? lines.length : end + HEADER_END.length;
}

const HEADER_START = Buffer.from('##[group]Run ');
const HEADER_END = Buffer.from('\n##[endgroup]\n');

function withoutColour(header: Buffer): Buffer {
  // eslint-disable-next-line no-control-regex -- the colour of the script, as the header writes it
  return Buffer.from(header.toString('latin1').replace(/^\u001b\[36;1m(.*)\u001b\[0m$/gm, '$1'), 'latin1');
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
