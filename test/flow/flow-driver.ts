import { expect } from '@jest/globals';
import { GroupsInMemory } from '../../src/flow/groups-in-memory.ts';
import { reduce, start, type FlowStep } from '../../src/flow/reduce.ts';
import type {
  FlowCommand,
  FlowEvent,
  JobSettled,
  PersonRequest,
  SetTimer,
  StartJob,
} from '../../src/flow/flow-event.ts';
import type { FlowInput } from '../../src/flow/flow-input.ts';
import { showFlow } from '../../src/flow/show-flow.ts';
import type { FlowState } from '../../src/flow/flow-state.ts';
import type { JobConclusion, Reason, RunConclusion } from '../../src/protocol/conclusion.ts';
import type { FlowRequest, FlowWish } from '../../src/protocol/flow-plan.ts';
import type { JsonMap } from '../../src/protocol/job-message.ts';

const ALICE = { user: 'alice' } as const;

/**
 * Plays the host of a flow by hand, and holds at every event what is always true: the state that goes in is not
 * touched, one that was written and read in between does the same, and a second delivery does nothing.
 */
export class FlowDriver {
  state: FlowState;
  /** Everything that was asked for, in order. */
  readonly commands: FlowCommand[] = [];
  /** By key; a job that was started, until it is completed. */
  readonly running = new Map<string, StartJob>();
  readonly started = new Map<string, StartJob>();
  /** By key; how it ended. */
  readonly ended = new Map<string, JobConclusion>();
  readonly settled = new Map<string, JobSettled>();
  readonly cancelled = new Map<string, string>();
  /** By key; how it ended in an earlier attempt. */
  readonly kept: string[] = [];
  readonly groups = new GroupsInMemory();
  /** The commands of the start, short. */
  readonly first: string[];
  conclusion: RunConclusion | null = null;
  /** Why what was asked for last was not done. */
  refused: string | null = null;
  #asked = 0;

  constructor(input: FlowInput) {
    const step = start(input);
    expect(start(readBack(input))).toEqual(step);
    this.state = step.state;
    this.first = this.#follow(step);
  }

  /** The commands of this event alone, short: `start build`, `cancel build`, `skipped deploy`, `run success`. */
  complete(
    key: string,
    conclusion: JobConclusion = 'success',
    outputs: JsonMap = {},
    reason: Reason | null = null,
  ): string[] {
    expect([...this.running.keys()]).toContain(key);
    this.running.delete(key);
    this.ended.set(key, conclusion);
    return this.send({ kind: 'job-completed', key, conclusion, reason, outputs });
  }

  /** With what it asks for beyond. */
  finish(key: string, wish: Partial<FlowWish>, conclusion: JobConclusion = 'success', outputs: JsonMap = {}): string[] {
    this.running.delete(key);
    this.ended.set(key, conclusion);
    return this.send({
      kind: 'job-completed',
      key,
      conclusion,
      reason: null,
      outputs,
      wish: { goto: null, retry: null, ...wish },
    });
  }

  begun(key: string): string[] {
    return this.send({ kind: 'job-started', key });
  }

  fire(id: string): string[] {
    return this.send({ kind: 'timer-fired', id });
  }

  /** As a person; `by` a key: as a step of that job. Refusals are kept in `refused`. */
  ask(
    request: FlowRequest | PersonRequest,
    by: { readonly user: string } | { readonly job: string } = ALICE,
  ): string[] {
    return this.send({ kind: 'requested', id: `request ${this.#asked++}`, by, request });
  }

  signal(name: string, more: Partial<FlowRequest & { kind: 'signal' }> = {}, user = 'alice'): string[] {
    return this.ask({ kind: 'signal', name, job: null, data: null, persistent: true, ...more }, { user });
  }

  /** What people see of the jobs: by path. */
  get shown(): Record<string, string> {
    return Object.fromEntries(showFlow(this.state).jobs.map(({ path, status }) => [path, status]));
  }

  /** Timers that are set, by id. */
  get timers(): Map<string, SetTimer> {
    const timers = new Map<string, SetTimer>();
    for (const command of this.commands) {
      if (command.kind === 'set-timer') timers.set(command.id, command);
      if (command.kind === 'clear-timer') timers.delete(command.id);
    }
    return timers;
  }

  cancel(force = false): string[] {
    return this.send({ kind: 'cancel', cause: 'user', force });
  }

  send(event: FlowEvent): string[] {
    const step = this.#reduce(event);
    this.refused = step.refused;
    return this.#follow(step);
  }

  #reduce(event: FlowEvent): FlowStep {
    // As text: comparing structures takes most of the time of a property test.
    const before = JSON.stringify(this.state);
    const step = reduce(this.state, event);
    const after = JSON.stringify(step);
    expect(JSON.stringify(this.state)).toBe(before);
    expect(JSON.stringify(reduce(JSON.parse(before) as FlowState, event))).toBe(after);
    // What was refused is refused again.
    expect(JSON.stringify(reduce(step.state, event))).toBe(
      JSON.stringify({ state: step.state, commands: [], refused: step.refused }),
    );
    return step;
  }

  get isOver(): boolean {
    return this.conclusion !== null;
  }

  /** `id: conclusion reason` of what never started. */
  get neverStarted(): Record<string, string> {
    return Object.fromEntries(
      [...this.settled].map(([key, { conclusion, reason }]) => [key, [conclusion, reason].filter(Boolean).join(' ')]),
    );
  }

  /** Answers of the groups are worked in at once, after the commands that asked. */
  #follow(step: FlowStep): string[] {
    const answers: FlowEvent[] = [];
    const said = this.#take(step, answers);
    for (const answer of answers) said.push(...this.#take(this.#reduce(answer), answers));
    return said;
  }

  #take({ state, commands }: FlowStep, answers: FlowEvent[]): string[] {
    this.state = state;
    this.commands.push(...commands);
    return commands.flatMap((command): string[] => {
      expect(this.conclusion).toBeNull();
      switch (command.kind) {
        case 'start-job':
          expect(this.started.has(command.key) || this.ended.has(command.key)).toBe(false);
          this.started.set(command.key, command);
          this.running.set(command.key, command);
          return [`start ${command.key}`];
        case 'cancel-job':
          expect(this.running.has(command.key)).toBe(true);
          expect(this.cancelled.has(command.key)).toBe(false);
          this.cancelled.set(command.key, command.cause);
          return [`cancel ${command.key}`];
        case 'job-settled':
          expect(this.started.has(command.key) || this.ended.has(command.key)).toBe(false);
          this.settled.set(command.key, command);
          this.ended.set(command.key, command.conclusion);
          return [`${command.conclusion} ${command.key}`];
        case 'job-kept':
          this.kept.push(command.key);
          return [`kept ${command.key}`];
        case 'acquire-group':
          answers.push(...this.groups.acquire(command));
          return [];
        case 'release-group':
          answers.push(...this.groups.release(command));
          return [];
        case 'job-concluded':
        case 'job-waits':
        case 'set-timer':
        case 'clear-timer':
        case 'run-paused':
          return [command.kind];
        case 'run-completed':
          expect([...this.running.keys()]).toEqual([]);
          this.conclusion = command.conclusion;
          return [`run ${command.conclusion}`];
      }
    });
  }
}

/** The commands of the start, short. */
export function begin(input: FlowInput): { flow: FlowDriver; first: string[] } {
  const flow = new FlowDriver(input);
  return { flow, first: flow.first };
}

function readBack<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
