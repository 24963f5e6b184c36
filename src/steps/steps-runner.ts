import { causeOf } from '../kernel/cancellation.ts';
import type { ActionStepPlan, StepPlan, WaitAllStepPlan } from '../protocol/plan.ts';
import type { StepReport } from '../protocol/report.ts';
import { BackgroundRunner } from './background-runner.ts';
import { BackgroundStepCoordinator } from './background-step-coordinator.ts';
import { targetsOf, uncoveredSteps } from './barrier-coverage.ts';
import { ControlRunner } from './control-runner.ts';
import { ForegroundRunner, NOT_STARTED } from './foreground-runner.ts';
import { launchStages, stageOf } from './launch-stages.ts';
import { taskOfStage, type StepTask } from './step-frame.ts';
import type { ActionStage } from './step-handler.ts';
import { declaredName, IMPLICIT_BARRIER_NAME } from './step-name.ts';
import { StepRecord } from './step-record.ts';
import type { StepsRunnerOptions } from './steps-runner-options.ts';

interface DeclaredStep {
  readonly record: StepRecord;
  readonly plan: StepPlan;
}

/**
 * The steps of one job, in three loops: the main steps in order, the drain of background steps, the post steps in
 * reverse order of declaration. The only writer of the job's state.
 */
export class StepsRunner {
  readonly #options: StepsRunnerOptions;
  readonly #coordinator: BackgroundStepCoordinator;
  readonly #foreground: ForegroundRunner;
  readonly #background: BackgroundRunner;
  readonly #control: ControlRunner;
  readonly #records: StepRecord[] = [];

  constructor(options: StepsRunnerOptions) {
    this.#options = options;
    this.#coordinator = new BackgroundStepCoordinator(options.maxBackground, options.kill);
    this.#foreground = new ForegroundRunner(options);
    this.#background = new BackgroundRunner(options, this.#coordinator);
    this.#control = new ControlRunner({ ...options, coordinator: this.#coordinator });
  }

  /**
   * Once. Resolves when every step has a conclusion; the job's is in `frame.state.status`. Rejects only for a bug
   * outside of the steps, and then too no step is left running.
   */
  async run(): Promise<readonly StepReport[]> {
    const { main, drain } = this.#declare();
    const detach = this.#listen();
    try {
      await this.#runMain(main);
      await this.#runDrain(drain);
      await this.#runPost();
    } finally {
      detach();
      await this.#abandon();
    }
    return this.#records.map(({ report }) => report);
  }

  /** A kill comes to what runs by itself; a cancellation goes to the background steps from here. */
  #listen(): () => void {
    const { cancel, kill, frame } = this.#options;
    const onCancel = (): void => {
      frame.state.cancel();
      this.#coordinator.cancelAll(causeOf(cancel));
    };
    const onKill = (): void => frame.state.cancel();
    if (cancel.aborted) onCancel();
    if (kill.aborted) onKill();
    cancel.addEventListener('abort', onCancel, { once: true });
    kill.addEventListener('abort', onKill, { once: true });
    return () => {
      cancel.removeEventListener('abort', onCancel);
      kill.removeEventListener('abort', onKill);
    };
  }

  async #runMain(steps: readonly DeclaredStep[]): Promise<void> {
    const { cancel, kill, frame, stages = {} } = this.#options;
    for (const block of blocksOf(steps)) {
      const [{ plan }] = block;
      if (stageOf(plan) === null) for (const step of block) await this.#runStep(step);
      else await launchStages(block, { stages, clock: frame.clock, cancel, kill }, (step) => this.#runStep(step));
    }
  }

  async #runStep({ record, plan }: DeclaredStep): Promise<void> {
    if (this.#options.kill.aborted) record.completed(NOT_STARTED);
    else if (plan.kind !== 'run' && plan.kind !== 'uses') await this.#control.run(record, plan);
    else if (plan.background) await this.#background.start(record, this.#taskOf(plan));
    else await this.#foreground.run(record, this.#taskOf(plan), plan.id);
  }

  /**
   * Nothing may run on into the post steps. The visible barrier is there when the file leaves something uncovered; what
   * is outstanding without it (a barrier that was never reached, after a kill) is taken silently. Then failures count
   * that no barrier answered for, so that the conditions of post steps see them (B56).
   */
  async #runDrain(drain: (DeclaredStep & { readonly plan: WaitAllStepPlan }) | null): Promise<void> {
    if (drain && this.#options.kill.aborted) drain.record.completed(NOT_STARTED);
    else if (drain) await this.#control.run(drain.record, drain.plan);
    await this.#control.take(this.#coordinator.untaken);
    for (const { conclusion } of this.#coordinator.unaccounted) this.#options.frame.state.fold(conclusion);
  }

  async #runPost(): Promise<void> {
    const stages = inPostOrder(this.#options.postStages(), this.#options.steps);
    const declared = stages.map((stage) => ({
      stage,
      record: this.#record({
        id: null,
        name: stage.displayName,
        kind: 'post',
        phase: 'post',
        background: false,
        group: null,
        targets: [],
      }),
    }));
    for (const { record, stage } of declared) await this.#foreground.run(record, taskOfStage(stage), null);
  }

  /** After a bug in here: what still runs is asked to end, and waited for. Does nothing otherwise. */
  async #abandon(): Promise<void> {
    this.#coordinator.cancelAll('shutdown');
    await this.#coordinator.take(this.#coordinator.untaken);
  }

  #declare(): { main: readonly DeclaredStep[]; drain: (DeclaredStep & { plan: WaitAllStepPlan }) | null } {
    const { steps } = this.#options;
    const main = steps.map((plan, index) => ({ plan, record: this.#recordOf(plan, steps.slice(0, index)) }));
    if (uncoveredSteps(steps).length === 0) return { main, drain: null };
    const plan = implicitBarrier(steps);
    return { main, drain: { plan, record: this.#recordOf(plan, steps) } };
  }

  #recordOf(plan: StepPlan, declaredBefore: readonly StepPlan[]): StepRecord {
    return this.#record({
      id: plan.id,
      name: declaredName(plan),
      kind: plan.kind,
      phase: 'main',
      background: 'background' in plan && plan.background,
      group: plan.group,
      targets: targetsOf(plan, declaredBefore),
    });
  }

  #record(declaration: Omit<ConstructorParameters<typeof StepRecord>[0], 'number'>): StepRecord {
    const number = this.#options.firstNumber + this.#records.length;
    const record = new StepRecord({ ...declaration, number }, this.#options.records);
    this.#records.push(record);
    return record;
  }

  #taskOf(plan: ActionStepPlan): StepTask {
    const { handlers } = this.#options;
    return {
      plan,
      displayName: null,
      condition: { kind: 'if', text: plan.if },
      run: (scope) => (plan.kind === 'run' ? handlers.run(plan, scope) : handlers.uses(plan, scope)),
    };
  }
}

/** Stages of one step in reverse order of registration, steps in reverse order of declaration. */
function inPostOrder(stages: readonly ActionStage[], steps: readonly StepPlan[]): readonly ActionStage[] {
  const declared = new Map(steps.map(({ id }, index) => [id, index]));
  return stages.toReversed().sort((a, b) => (declared.get(b.step.id) ?? -1) - (declared.get(a.step.id) ?? -1));
}

/** Neighbours that have a stage belong together, every other step stands alone. */
function blocksOf(steps: readonly DeclaredStep[]): readonly [DeclaredStep, ...DeclaredStep[]][] {
  const blocks: [DeclaredStep, ...DeclaredStep[]][] = [];
  for (const step of steps) {
    const last = blocks.at(-1);
    if (last && stageOf(step.plan) !== null && stageOf(last[0].plan) !== null) last.push(step);
    else blocks.push([step]);
  }
  return blocks;
}

function implicitBarrier(steps: readonly StepPlan[]): WaitAllStepPlan {
  const position = steps.at(-1)?.position ?? { file: '', line: 1, column: 1 };
  return {
    kind: 'wait-all',
    implicit: true,
    id: '__wait-all-background',
    name: IMPLICIT_BARRIER_NAME,
    position,
    continueOnError: false,
    group: null,
  };
}
