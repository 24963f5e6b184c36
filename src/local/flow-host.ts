import type { RunConclusion } from '../protocol/conclusion.ts';
import type { CancelJob, FlowCommand, FlowEvent, JobSettled, StartJob } from '../flow/flow-event.ts';
import type { FlowInput } from '../flow/flow-input.ts';
import type { FlowState } from '../flow/flow-state.ts';
import { reduce, start } from '../flow/reduce.ts';

/** What does as flow says. None of these calls the host back before it has returned. */
export interface FlowHands {
  startJob(command: StartJob): void;
  cancelJob(command: CancelJob): void;
  jobSettled(command: JobSettled): void;
  runCompleted(conclusion: RunConclusion): void;
}

/** Keeps flow's state in memory: an event goes in, the commands come out to the hands. */
export class FlowHost {
  readonly #hands: FlowHands;
  #state: FlowState | null = null;

  constructor(hands: FlowHands) {
    this.#hands = hands;
  }

  begin(input: FlowInput): void {
    this.#follow(start(input));
  }

  /** Before the beginning nothing can happen; flow itself ignores what does not fit. */
  happened(event: FlowEvent): void {
    if (this.#state !== null) this.#follow(reduce(this.#state, event));
  }

  #follow(step: { readonly state: FlowState; readonly commands: readonly FlowCommand[] }): void {
    this.#state = step.state;
    for (const command of step.commands) this.#obey(command);
  }

  #obey(command: FlowCommand): void {
    switch (command.kind) {
      case 'start-job':
        this.#hands.startJob(command);
        return;
      case 'cancel-job':
        this.#hands.cancelJob(command);
        return;
      case 'job-settled':
        this.#hands.jobSettled(command);
        return;
      case 'run-completed':
        this.#hands.runCompleted(command.conclusion);
        return;
    }
  }
}
