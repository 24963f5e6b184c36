import type { RunConclusion } from '../protocol/conclusion.ts';
import type { CancelJob, FlowCommand, FlowEvent, JobSettled, StartJob } from '../flow/flow-event.ts';
import type { FlowInput } from '../flow/flow-input.ts';
import type { FlowState } from '../flow/flow-state.ts';
import { GroupsInMemory } from '../flow/groups-in-memory.ts';
import { type FlowStep, reduce, start } from '../flow/reduce.ts';

/** What does as flow says. None of these calls the host back before it has returned. */
export interface FlowHands {
  startJob(command: StartJob): void;
  cancelJob(command: CancelJob): void;
  jobSettled(command: JobSettled): void;
  runCompleted(conclusion: RunConclusion): void;
}

/** Keeps flow's state and its groups in memory: an event goes in, the commands come out to the hands. */
export class FlowHost {
  readonly #hands: FlowHands;
  readonly #groups = new GroupsInMemory();
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

  #follow(first: FlowStep): void {
    const answers: FlowEvent[] = [];
    const obey = ({ state, commands }: FlowStep): FlowState => {
      this.#state = state;
      for (const command of commands) answers.push(...this.#obey(command));
      return state;
    };
    let state = obey(first);
    for (const answer of answers) state = obey(reduce(state, answer));
  }

  /** What flow is to be told at once. */
  #obey(command: FlowCommand): readonly FlowEvent[] {
    switch (command.kind) {
      case 'start-job':
        this.#hands.startJob(command);
        return [];
      case 'cancel-job':
        this.#hands.cancelJob(command);
        return [];
      case 'job-settled':
        this.#hands.jobSettled(command);
        return [];
      case 'acquire-group':
        return this.#groups.acquire(command);
      case 'release-group':
        return this.#groups.release(command);
      case 'job-concluded':
      case 'job-waits':
      case 'set-timer':
      case 'clear-timer':
      case 'run-paused':
        throw new RangeError(`'${command.kind}' is not carried out here`);
      case 'job-kept':
        throw new RangeError('a run on this machine has no earlier attempt');
      case 'run-completed':
        this.#hands.runCompleted(command.conclusion);
        return [];
    }
  }
}
