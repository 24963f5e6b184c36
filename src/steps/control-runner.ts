import { ExpressionError } from '../expressions/evaluate.ts';
import type { CancelStepPlan, ControlStepPlan } from '../protocol/plan.ts';
import type { BackgroundStepCoordinator, BarrierTarget } from './background-step-coordinator.ts';
import { conflictMessages, failureMessages, mergeTargets, resultLine } from './barrier-result.ts';
import { annotation } from './own-annotation.ts';
import { continuesOnError } from './reach-step.ts';
import { endByInternalError } from './internal-error.ts';
import { evaluateNow, reachContexts } from './step-contexts.ts';
import { ignoreFailure, plainEnd, type StepEnd } from './step-end.ts';
import type { StepFrame } from './step-frame.ts';
import type { StepLog } from './step-log.ts';
import { declaredName, evaluatedName } from './step-name.ts';
import type { StepRecord } from './step-record.ts';
import type { OpenLog } from './steps-runner-options.ts';
import { noticeLines, repeat } from './wait-notice.ts';

export interface ControlOptions {
  readonly frame: StepFrame;
  readonly openLog: OpenLog;
  readonly waitNoticeMs: number;
  readonly coordinator: BackgroundStepCoordinator;
}

/** Runs `wait`, `wait-all` and `cancel`, whatever the status of the job is, and commits what they take. */
export class ControlRunner {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Never rejects for what a step does. */
  async run(record: StepRecord, plan: ControlStepPlan): Promise<void> {
    const { frame } = this.#options;
    const end = await this.#end(record, plan);
    frame.state.commit(plan.id, end);
    frame.state.fold(end.conclusion);
    record.completed(end);
  }

  /** Waits for all of these and commits those that no barrier took before, in the order of the list. */
  async take(ids: readonly string[]): Promise<readonly BarrierTarget[]> {
    const { coordinator, frame } = this.#options;
    const targets = await coordinator.take(ids);
    for (const target of targets)
      if (target.kind === 'ended' && target.first) frame.state.commit(target.id, target.end);
    return targets;
  }

  async #end(record: StepRecord, plan: ControlStepPlan): Promise<StepEnd> {
    const { frame, openLog } = this.#options;
    const reachedAt = frame.clock.now();
    let log: StepLog | null = null;
    try {
      record.rename(await this.#nameOf(plan));
      record.started(reachedAt);
      log = openLog(record, record.annotate);
      return await this.#barrier(plan, log);
    } catch (error) {
      return endByInternalError(error, record, log);
    }
  }

  async #barrier(plan: ControlStepPlan, log: StepLog): Promise<StepEnd> {
    const { coordinator } = this.#options;
    switch (plan.kind) {
      case 'wait':
        log.line(`Waiting for ${this.#namesOf(plan.targets)}.`);
        return this.#wait(plan, plan.targets, log);
      case 'wait-all': {
        const ids = coordinator.untaken;
        log.line(ids.length === 0 ? 'No background step is left to wait for.' : `Waiting for ${this.#namesOf(ids)}.`);
        return this.#wait(plan, ids, log);
      }
      case 'cancel':
        log.line(`Cancelling ${this.#namesOf([plan.target])}.`);
        coordinator.cancel(plan.target);
        return this.#cancelled(plan, await this.#takeAloud([plan.target], log), log);
    }
  }

  async #wait(plan: ControlStepPlan, ids: readonly string[], log: StepLog): Promise<StepEnd> {
    const targets = await this.#takeAloud(ids, log);
    this.#options.coordinator.account(ids);
    const end = mergeTargets(targets);
    if (end.outcome !== 'failure') return end;
    for (const message of failureMessages(targets)) log.annotate(annotation('error', message));
    return (await this.#continuesOnError(plan, log)) ? ignoreFailure(end) : end;
  }

  /** A cancel succeeds whatever its target came to; a failure from before it counts when the job ends (B61). */
  async #cancelled(plan: CancelStepPlan, targets: readonly BarrierTarget[], log: StepLog): Promise<StepEnd> {
    const failed = targets.some((target) => target.kind === 'ended' && target.end.conclusion === 'failure');
    if (failed && (await this.#continuesOnError(plan, log))) this.#options.coordinator.account([plan.target]);
    else if (failed) log.line('It had failed before it was cancelled. That counts when the job ends.');
    return plainEnd('success', null);
  }

  /** {@link take}, and says what comes of it; while it takes long, also what it waits for. */
  async #takeAloud(ids: readonly string[], log: StepLog): Promise<readonly BarrierTarget[]> {
    const { coordinator, frame, waitNoticeMs } = this.#options;
    const { clock } = frame;
    const startedAt = clock.monotonic();
    const stopNotices = repeat(clock, waitNoticeMs, () => {
      const outstanding = coordinator.outstanding(ids);
      for (const line of noticeLines(outstanding, clock.monotonic() - startedAt, clock.now())) log.line(line);
    });
    let targets: readonly BarrierTarget[];
    try {
      targets = await this.take(ids);
    } finally {
      stopNotices();
    }
    for (const target of targets) log.line(resultLine(target));
    for (const message of conflictMessages(targets)) log.annotate(annotation('warning', message));
    return targets;
  }

  #namesOf(ids: readonly string[]): string {
    return ids.map((id) => `'${this.#options.coordinator.nameOf(id)}'`).join(', ');
  }

  async #continuesOnError(plan: ControlStepPlan, log: StepLog): Promise<boolean> {
    const { frame } = this.#options;
    const contexts = reachContexts(plan, frame.state.env, frame);
    const onProblem = (message: string): void => log.annotate(annotation('error', message));
    return continuesOnError(plan.continueOnError, contexts, frame, onProblem);
  }

  /** A barrier always runs, so a name that cannot be evaluated is shown as written. */
  async #nameOf(plan: ControlStepPlan): Promise<string> {
    const { frame } = this.#options;
    try {
      const contexts = reachContexts(plan, frame.state.env, frame);
      return await evaluateNow(contexts, frame, (input) => evaluatedName(plan, input));
    } catch (error) {
      if (error instanceof ExpressionError) return declaredName(plan);
      throw error;
    }
  }
}
