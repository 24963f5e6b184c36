import { AbortScope } from '../kernel/cancellation.ts';
import type { RunConclusion } from '../protocol/conclusion.ts';
import type { Diagnostic } from '../protocol/diagnostic.ts';
import { Masker } from '../steps/masker.ts';
import { buildReport } from './build-report.ts';
import { holdBack } from './hold-back.ts';
import { killTracked } from './kill-tracked.ts';
import type { LocalEnd } from './local-run.ts';
import { openView } from './open-view.ts';
import { openOutlets, type Outlets } from './outlets.ts';
import { paletteOf } from './palette.ts';
import { type PreparedRun, prepareRun, type RefusedRun } from './prepare-run.ts';
import { writeReport } from './report-writer.ts';
import { RunJobs } from './run-jobs.ts';
import type { RunIo } from './run-local.ts';
import { RunModel } from './run-model.ts';
import type { RunOptions } from './run-options.ts';
import { RunRecorder } from './run-recorder.ts';
import { summary } from './summary.ts';

/** Warnings that a run prints before it starts. */
const MAX_WARNINGS = 5;

/**
 * One local run from its files to its report. The order of things in here is the contract: outlets are opened and every
 * file is checked before anything starts, and whatever happens the report is written and nothing is left.
 */
export class RunInProgress {
  readonly #options: RunOptions;
  readonly #io: RunIo;
  readonly #model: RunModel;
  readonly #mask = new Masker();
  /** Ends what happens before the first job: fetching a called workflow. */
  readonly #preparing = new AbortScope();
  #diagnostics: readonly Diagnostic[] = [];
  #recorder: RunRecorder | null = null;
  #jobs: RunJobs | null = null;
  #stop: 'no' | 'cancel' | 'kill' = 'no';
  #over = false;

  constructor(options: RunOptions, io: RunIo) {
    this.#options = options;
    this.#io = io;
    this.#model = new RunModel({ name: options.shownFile, path: options.shownFile });
    for (const secret of Object.values(options.secrets)) this.#mask.addSecret(secret);
  }

  async work(): Promise<LocalEnd> {
    const outlets = openOutlets(this.#options, (sentence) => this.#say(sentence));
    try {
      return await this.#work(outlets);
    } finally {
      this.#over = true;
      outlets.events?.close();
      outlets.logs?.close();
    }
  }

  cancel(): void {
    if (this.#over || this.#stop !== 'no') return;
    this.#stop = 'cancel';
    this.#say('Cancelling: post steps and always() steps still run. Ctrl-C again ends the steps at once.');
    this.#preparing.cancel('user');
    this.#jobs?.cancel();
  }

  kill(): void {
    if (this.#over || this.#stop === 'kill') return;
    this.#stop = 'kill';
    this.#say('Ending the steps at once. Ctrl-C again exits.');
    this.#preparing.cancel('user');
    this.#jobs?.kill();
  }

  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#recorder?.end();
    killTracked(this.#jobs?.jobIds ?? []);
    this.#writeReport('cancelled');
  }

  async #work(outlets: Outlets): Promise<LocalEnd> {
    const { clock } = this.#io;
    const prepared = await prepareRun(this.#options, clock, this.#preparing.signal);
    this.#diagnostics = prepared.diagnostics.map((found) => ({ ...found, message: this.#mask.mask(found.message) }));
    const end = this.#stop === 'no' && prepared.kind === 'refused' ? prepared.end : 'cancelled';
    // What is wrong with a file that could not be fetched because of Ctrl-C is not news.
    if (this.#stop === 'no') await this.#printDiagnostics(prepared);
    if (prepared.kind === 'refused' || this.#stop !== 'no') {
      this.#writeReport(end === 'cancelled' ? 'cancelled' : 'failure');
      return end;
    }
    const [plan] = prepared.workflows;
    const path = this.#options.shownFile;
    this.#model.workflow = { name: this.#mask.mask(plan.name ?? path), path };
    if (this.#options.applyFilters) {
      const why = await holdBack(plan, prepared.context, prepared.git, this.#options.environment);
      if (why !== null) {
        this.#io.stdout.write(`Nothing to run: ${why}.\n`);
        this.#writeReport('success');
        return 'success';
      }
    }
    const view = await openView({ ...this.#io, model: this.#model, palette: paletteOf(this.#io.colour) });
    this.#recorder = new RunRecorder({ model: this.#model, view, ...outlets, mask: this.#mask });
    try {
      const conclusion = await this.#run(prepared, this.#recorder);
      view.end();
      this.#sum();
      this.#writeReport(conclusion);
      return conclusion;
    } finally {
      view.end();
    }
  }

  async #run(prepared: PreparedRun, recorder: RunRecorder): Promise<RunConclusion> {
    const jobs = await RunJobs.open({ prepared, options: this.#options, recorder, clock: this.#io.clock });
    this.#jobs = jobs;
    try {
      const finished = jobs.work();
      // Asked for between the last look and now.
      if (this.#stop !== 'no') jobs.cancel();
      if (this.#stop === 'kill') jobs.kill();
      return await finished;
    } finally {
      await jobs.close();
    }
  }

  /** Errors all, warnings in moderation: `lint` is the place to see them. */
  async #printDiagnostics({ diagnostics, sources }: PreparedRun | RefusedRun): Promise<void> {
    const { stderr, colour, quiet } = this.#io;
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    const warnings = diagnostics.filter(({ severity }) => severity === 'warning');
    const shown = [...errors, ...(quiet ? [] : warnings.slice(0, MAX_WARNINGS))];
    if (shown.length === 0) return;
    const { formatForPeople } = await import('../workflow/format-diagnostics.ts');
    const texts = new Map(sources.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]));
    stderr.write(this.#mask.mask(formatForPeople(shown, texts, { colour: colour && stderr.isTTY })));
    const more = quiet ? 0 : warnings.length - MAX_WARNINGS;
    if (more > 0) stderr.write(`${more} more warnings; 'paceline lint ${this.#options.shownFile}' shows them\n`);
  }

  #sum(): void {
    const { stdout, colour, quiet } = this.#io;
    const { columns } = stdout;
    stdout.write(`${quiet ? '' : '\n'}${summary(this.#model, { columns, palette: paletteOf(colour), quiet })}`);
  }

  #say(sentence: string): void {
    if (this.#recorder) this.#recorder.notice(sentence);
    else this.#io.stderr.write(`${this.#mask.mask(sentence)}\n`);
  }

  #writeReport(conclusion: RunConclusion): void {
    const { report } = this.#options;
    if (report === null) return;
    try {
      writeReport(report, buildReport(this.#model, this.#diagnostics, conclusion));
    } catch (error) {
      this.#io.stderr.write(`paceline: the report cannot be written to ${report}: ${(error as Error).message}.\n`);
    }
  }
}
