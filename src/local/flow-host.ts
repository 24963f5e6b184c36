import type { RunConclusion } from '../protocol/conclusion.ts';
import type {
  CancelJob,
  FlowCommand,
  FlowEvent,
  JobConcluded,
  JobSettled,
  JobWaits,
  SetTimer,
  StartJob,
  WaitsFor,
} from '../flow/flow-event.ts';
import type { FlowInput } from '../flow/flow-input.ts';
import type { FlowState } from '../flow/flow-state.ts';
import { SIGNAL, timerId } from '../flow/gates.ts';
import { GroupsInMemory } from '../flow/groups-in-memory.ts';
import { keyOfJob, keysAround } from '../flow/key-suffix.ts';
import { type FlowStep, reduce, start } from '../flow/reduce.ts';
import type { Clock } from '../kernel/clock.ts';

/** What does as flow says. None of these calls the host back before it has returned. */
export interface FlowHands {
  startJob(command: StartJob): void;
  cancelJob(command: CancelJob): void;
  jobSettled(command: JobSettled): void;
  jobConcluded(command: JobConcluded): void;
  jobWaits(command: JobWaits): void;
  /** A timer was over: what followed has been done. */
  timerFired(): void;
  runCompleted(conclusion: RunConclusion): void;
}

/** Keeps flow's state, its groups and its timers in memory: an event goes in, the commands come out to the hands. */
export class FlowHost {
  readonly #hands: FlowHands;
  readonly #clock: Clock;
  readonly #groups = new GroupsInMemory();
  /** What cancels them, by id. */
  readonly #timers = new Map<string, () => void>();
  readonly #running = new Set<string>();
  readonly #waits = new Map<string, JobWaits>();
  /** Who runs it, and sends all signals from outside. */
  readonly #user: string;
  #state: FlowState | null = null;

  constructor(hands: FlowHands, clock: Clock, user: string) {
    this.#hands = hands;
    this.#clock = clock;
    this.#user = user;
  }

  begin(input: FlowInput): void {
    this.#follow(start(input));
  }

  /**
   * Before the beginning nothing can happen; flow itself ignores what does not fit.
   * @param before Called with the commands that answer the event, before they are carried out.
   * @returns why what was requested is refused: a sentence; null otherwise.
   */
  happened(event: FlowEvent, before: (commands: readonly FlowCommand[]) => void = nothing): string | null {
    if (event.kind === 'job-completed') this.#running.delete(event.key);
    const step = this.#state === null ? null : reduce(this.#state, event);
    before(step?.commands ?? []);
    if (step === null) return null;
    this.#follow(step);
    return step.refused;
  }

  /** Jobs that wait although nothing can happen any more by itself; null while something can, or when all is over. */
  get stuck(): readonly JobWaits[] | null {
    const isOver = this.#state === null || this.#state.conclusion !== null;
    if (isOver || this.#running.size > 0) return null;
    const waits = [...this.#waits.values()];
    // Who could send it does not hear of this run: its time need not go by.
    const idle = new Set(
      waits.filter((job) => isForOthers(job.for, this.#user)).map(({ key }) => timerId(key, SIGNAL)),
    );
    return [...this.#timers.keys()].every((id) => idle.has(id)) ? waits : null;
  }

  /** No timer goes off any more. */
  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
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
        this.#running.add(command.key);
        this.#waitsNoMore(command);
        this.#hands.startJob(command);
        return [];
      case 'cancel-job':
        this.#hands.cancelJob(command);
        return [];
      case 'job-settled':
        this.#waitsNoMore(command);
        this.#hands.jobSettled(command);
        return [];
      case 'job-concluded':
        this.#hands.jobConcluded(command);
        return [];
      case 'job-waits':
        this.#waits.set(command.key, command);
        this.#hands.jobWaits(command);
        return [];
      case 'acquire-group':
        return this.#groups.acquire(command);
      case 'release-group':
        return this.#groups.release(command);
      case 'set-timer':
        this.#setTimer(command);
        return [];
      case 'clear-timer':
        this.#timers.get(command.id)?.();
        this.#timers.delete(command.id);
        return [];
      case 'run-paused':
        throw new RangeError('a run on this machine is not paused');
      case 'job-kept':
        throw new RangeError('a run on this machine has no earlier attempt');
      case 'run-completed':
        this.close();
        this.#hands.runCompleted(command.conclusion);
        return [];
    }
  }

  #setTimer({ id, at, afterMs }: SetTimer): void {
    this.#timers.get(id)?.();
    const ms = at === null ? (afterMs ?? 0) : Math.max(at - this.#clock.now(), 0);
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(id);
      this.happened({ kind: 'timer-fired', id });
      this.#hands.timerFired();
    });
    this.#timers.set(id, cancel);
  }

  /** A job that waited as a whole may have instances now. */
  #waitsNoMore({ key, instance }: { readonly key: string; readonly instance: number }): void {
    this.#waits.delete(key);
    this.#waits.delete(keyOfJob(key, instance));
    for (const around of keysAround(key)) this.#waits.delete(around);
  }
}

/** An approval that only other people may give. */
export function isForOthers(waits: WaitsFor, user: string): boolean {
  return waits.kind === 'signal' && waits.from.length > 0 && !waits.from.includes(user);
}

function nothing(): void {
  // Most events need nothing before what follows.
}
