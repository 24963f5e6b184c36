import { causeOf } from '../kernel/cancellation.ts';
import type { BackgroundStep, BackgroundStepCoordinator } from './background-step-coordinator.ts';
import { NOT_STARTED, reachNow } from './foreground-runner.ts';
import { endInQueue, type StepEnd, plainEnd } from './step-end.ts';
import type { ReadyStep } from './reach-step.ts';
import { endByInternalError } from './internal-error.ts';
import { finishReached, runReady } from './run-step.ts';
import type { StepTask } from './step-frame.ts';
import type { StepLog } from './step-log.ts';
import type { StepRecord } from './step-record.ts';
import { StepStop } from './step-stop.ts';
import type { ForegroundOptions } from './steps-runner-options.ts';
import { duration } from './wait-notice.ts';

/** Reaches background steps and hands them to the coordinator. Whatever becomes of them waits there for a barrier. */
export class BackgroundRunner {
  readonly #options: ForegroundOptions;
  readonly #coordinator: BackgroundStepCoordinator;

  constructor(options: ForegroundOptions, coordinator: BackgroundStepCoordinator) {
    this.#options = options;
    this.#coordinator = coordinator;
  }

  /** Resolves when the step was reached: it is queued then, or has ended without queueing. */
  async start(record: StepRecord, task: StepTask): Promise<void> {
    const { frame, cancel, kill } = this.#options;
    const { id } = task.plan;
    const reached = await this.#reach(record, task);
    if (kill.aborted) {
      record.completed(NOT_STARTED);
      return;
    }
    switch (reached.kind) {
      case 'skipped': {
        // Visible at once: there is nothing that a barrier would have to wait for.
        const end = plainEnd('skipped', 'condition');
        this.#coordinator.skip(id, record.name);
        frame.state.commit(id, end);
        record.completed(end);
        return;
      }
      case 'ended':
        this.#coordinator.adopt(this.#settled(record, id), reached.end);
        return;
      case 'ready':
        // It may not run even with `always()`, but its condition held: cancelled, not skipped (scenario 94).
        if (cancel.aborted) this.#coordinator.adopt(this.#settled(record, id), endInQueue(causeOf(cancel)));
        else {
          record.queued();
          this.#coordinator.start(this.#step(record, reached));
        }
    }
  }

  /** Whatever goes wrong here is the step's own end already, and as any other it waits for a barrier (56, 57). */
  async #reach(
    record: StepRecord,
    task: StepTask,
  ): Promise<ReadyStep | { readonly kind: 'skipped' } | { readonly kind: 'ended'; readonly end: StepEnd }> {
    const { frame, openLog } = this.#options;
    const stop = new StepStop(null, null);
    let log: StepLog | null = null;
    try {
      const reached = await reachNow(task, this.#options);
      record.rename(reached.name);
      if (reached.kind !== 'problem') return reached;
      log = openLog(record, record.annotate);
      const end = await finishReached(reached, task, { frame, key: String(record.number), log, stop });
      return { kind: 'ended', end };
    } catch (error) {
      return { kind: 'ended', end: endByInternalError(error, record, log) };
    }
  }

  #settled(record: StepRecord, id: string): BackgroundStep {
    return {
      id,
      name: record.name,
      number: record.number,
      reachedAt: this.#options.frame.clock.now(),
      execute: () => Promise.reject(new Error('a step that has ended was started')),
      stopping: () => undefined,
      ended: (end) => record.completed(end),
      progress: () => ({ startedAt: null, lastLine: null }),
    };
  }

  #step(record: StepRecord, ready: ReadyStep): BackgroundStep {
    const { clock } = this.#options.frame;
    const reachedAt = clock.now();
    let startedAt: number | null = null;
    let log: StepLog | null = null;
    return {
      ...this.#settled(record, ready.task.plan.id),
      reachedAt,
      stopping: () => record.cancelling(),
      progress: () => ({ startedAt, lastLine: log?.lastLine ?? null }),
      execute: async (stop, ahead) => {
        startedAt = clock.now();
        record.started(startedAt);
        try {
          log = this.#options.openLog(record, record.annotate);
          if (ahead !== null) log.line(queueLine(ahead, startedAt - reachedAt));
          return await this.#run(ready, record, log, stop);
        } catch (error) {
          return endByInternalError(error, record, log);
        }
      },
    };
  }

  #run(ready: ReadyStep, record: StepRecord, log: StepLog, stop: StepStop): Promise<StepEnd> {
    return runReady(ready, { frame: this.#options.frame, key: String(record.number), log, stop });
  }
}

function queueLine(ahead: number, waitedMs: number): string {
  return `Waited ${duration(waitedMs)} for a slot: queued (${String(ahead)} ahead).`;
}
