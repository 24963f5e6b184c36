import { sleep } from '../../kernel/clock.ts';
import { AbortScope } from '../../kernel/cancellation.ts';
import { openView } from '../../local/open-view.ts';
import { paletteOf } from '../../local/palette.ts';
import { RunModel } from '../../local/run-model.ts';
import type { RunIo } from '../../local/run-local.ts';
import type { RunView as View } from '../../local/run-view.ts';
import { summary } from '../../local/summary.ts';
import type { RunConclusion } from '../../protocol/conclusion.ts';
import type { RunEvent } from '../../protocol/events.ts';
import type { RunView } from '../../protocol/run-api.ts';
import { runEvents } from './run-events.ts';
import type { ServerClient } from './server-client.ts';
import { WatchedLogs } from './watched-logs.ts';

/** The end of a step waits so long for the rest of its log, so that the view tells them in order. */
const LOG_PATIENCE_MS = 2_000;
/** How often it is asked why jobs wait, while some do. */
const ASK_WAITING_MS = 2_000;

export interface WatchIo extends RunIo {
  /** Gets what says a sentence within the view, as soon as there is one. */
  readonly onView?: (say: (sentence: string) => void) => void;
}

/** Which steps are shown; null: all. */
export type StepFilter = ((job: string, step: number) => boolean) | null;

/**
 * Shows a run of a server as `paceline run` shows its own, until it ends. Resolves with its conclusion; rejects with
 * the signal's reason when the watching is stopped, and with a `CommandProblem` when the server does not answer.
 */
export async function watchRun(
  client: ServerClient,
  run: number,
  io: WatchIo,
  signal: AbortSignal,
): Promise<RunConclusion> {
  const facts = await client.run(run);
  const model = new RunModel({ name: facts.name, path: facts.path });
  const view = await openView({ ...io, model, palette: paletteOf(io.colour) });
  io.onView?.((sentence) => view.notice(sentence));
  const scope = new AbortScope(signal);
  const watcher = new Watcher(client, facts, model, view, io, scope);
  try {
    await watcher.work();
    view.end();
    const { columns } = io.stdout;
    const text = summary(model, { columns, palette: paletteOf(io.colour), quiet: io.quiet });
    io.stdout.write(`${io.quiet ? '' : '\n'}${text}`);
    return model.conclusion ?? (await client.run(run)).conclusion ?? 'failure';
  } finally {
    view.end();
    scope.cancel('user');
    scope.dispose();
  }
}

class Watcher {
  readonly #client: ServerClient;
  readonly #facts: RunView;
  readonly #model: RunModel;
  readonly #view: View;
  readonly #io: WatchIo;
  readonly #scope: AbortScope;
  readonly #logs: WatchedLogs;
  /** Beginnings that came: a run that is made again tells of the earlier times first. */
  #starts = 0;

  constructor(client: ServerClient, facts: RunView, model: RunModel, view: View, io: WatchIo, scope: AbortScope) {
    this.#client = client;
    this.#facts = facts;
    this.#model = model;
    this.#view = view;
    this.#io = io;
    this.#scope = scope;
    this.#logs = new WatchedLogs({
      client,
      run: facts.id,
      clock: io.clock,
      signal: scope.signal,
      whole: !io.live && !io.quiet,
      onLines: (job, step, lines) => {
        model.output(job, step, lines);
        view.output(job, step, lines);
      },
      onProblem: (sentence) => view.notice(sentence),
    });
  }

  async work(): Promise<void> {
    const { clock } = this.#io;
    const { signal } = this.#scope;
    void this.#explainWaiting();
    const onConnection = (lost: string | null): void =>
      this.#view.notice(lost === null ? 'Connected again.' : `The connection was lost (${lost}); trying again.`);
    try {
      for await (const page of runEvents({ client: this.#client, run: this.#facts.id, clock, signal, onConnection })) {
        for (const event of page) await this.#apply(event);
        this.#followRunning();
      }
      await Promise.race([this.#logs.allEnded(), this.#patience()]);
    } finally {
      this.#logs.close();
    }
  }

  async #apply(event: RunEvent): Promise<void> {
    if (event.type === 'run-started') this.#starts += 1;
    if (this.#starts < this.#facts.attempt) return;
    if (event.type === 'step' && event.state === 'completed') await this.#rest(event.job, event.step);
    this.#model.apply(event);
    this.#view.event(event);
    if (event.type === 'step' && event.state === 'running' && !this.#io.live && !this.#io.quiet)
      this.#logs.follow(event.job, event.step.number);
  }

  /** What a view shows of a step that has ended: all of its log, or the end of it where it failed. */
  async #rest(job: string, step: { readonly number: number; readonly conclusion: string | null }): Promise<void> {
    if (step.conclusion === 'failure') this.#logs.follow(job, step.number);
    await Promise.race([this.#logs.ended(job, step.number), this.#patience()]);
  }

  /** A picture of the present needs the logs of what runs now, not of what has run meanwhile. */
  #followRunning(): void {
    if (!this.#io.live) return;
    for (const job of this.#model.jobs)
      for (const { state, report } of job.steps.values())
        if (state === 'running' || state === 'cancelling') this.#logs.follow(job.key, report.number);
  }

  /** Asks now and then why jobs have not started. */
  async #explainWaiting(): Promise<void> {
    const { clock } = this.#io;
    const { signal } = this.#scope;
    const said = new Map<string, string>();
    try {
      for (;;) {
        await sleep(clock, ASK_WAITING_MS, signal);
        if (this.#model.startedAt !== null && !this.#model.jobs.some(({ state }) => state === 'waiting')) continue;
        const { jobs, waiting, state } = await this.#client.run(this.#facts.id);
        if (state === 'waiting' && waiting !== null) this.#say(said, '', waiting);
        for (const job of jobs) {
          this.#model.hold(job.key, job.waiting);
          if (job.waiting !== null && job.state === 'queued') this.#say(said, job.key, job.waiting);
        }
      }
    } catch {
      // Stopped, or the server does not answer: the events tell that.
    }
  }

  #say(said: Map<string, string>, key: string, why: string): void {
    if (said.get(key) === why) return;
    said.set(key, why);
    // A picture has it in the line of the job.
    if (!this.#io.live || key === '') this.#view.notice(`${key === '' ? 'The run' : key} waits: ${why}`);
  }

  #patience(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#io.clock.after(LOG_PATIENCE_MS, resolve);
      this.#scope.signal.addEventListener('abort', cancel, { once: true });
    });
  }
}
