import { applyContinueOnError } from '../../src/flow/conclusions.ts';
import type { FlowCommand, FlowEvent, StartJob } from '../../src/flow/flow-event.ts';
import type { EarlierResult, FlowInput } from '../../src/flow/flow-input.ts';
import type { FlowState } from '../../src/flow/flow-state.ts';
import { type FlowStep, reduce, start } from '../../src/flow/reduce.ts';
import { type ShownFlow, showFlow } from '../../src/flow/show-flow.ts';
import type { RunConclusion } from '../../src/protocol/conclusion.ts';
import { resultsToKeep } from '../../src/server/runs/results-to-keep.ts';
import type { CaseAgents, CaseHost, Troubles } from './case-host.ts';
import { acquire, type GroupAnswer, release, type StoredGroups } from './memory-groups.ts';

interface StoredRun {
  readonly state: FlowState;
  /** Of the run: re-runs count. */
  readonly attempt: number;
  /** How jobs ended, by key. */
  readonly results: Readonly<Record<string, EarlierResult>>;
  readonly keys: readonly string[];
}

/** What outlives a crash. Commands in the outbox are done after the commit, and again when nobody knows whether they were. */
interface Stored {
  readonly runs: readonly StoredRun[];
  readonly groups: StoredGroups;
  readonly timers: readonly { readonly run: number; readonly id: string; readonly at: number }[];
  readonly outbox: readonly Command[];
}

type Command =
  | { readonly kind: 'start'; readonly run: number; readonly attempt: number; readonly command: StartJob }
  | { readonly kind: 'cancel'; readonly run: number; readonly attempt: number; readonly key: string }
  | { readonly kind: 'paused'; readonly run: number; readonly attempt: number; readonly paused: boolean }
  | { readonly kind: 'ended'; readonly run: number; readonly attempt: number; readonly conclusion: RunConclusion };

const EMPTY: Stored = { runs: [], groups: {}, timers: [], outbox: [] };

/** Runs in this process. Where it dies and begins anew, everything is text in between. */
export class MemoryHost implements CaseHost {
  commits = 0;
  readonly #agents: CaseAgents;
  readonly #troubles: Troubles;
  #stored: Stored = EMPTY;

  constructor(agents: CaseAgents, troubles: Troubles) {
    this.#agents = agents;
    this.#troubles = troubles;
  }

  begin(run: number, input: FlowInput): Promise<void> {
    const work = new Transaction(this.#stored, this.#agents.now());
    work.begin(run, 1, input);
    this.#commit(work);
    return Promise.resolve();
  }

  tell(run: number, event: FlowEvent): Promise<string | null> {
    const times = this.#troubles.twice ? 2 : 1;
    const refusals = Array.from({ length: times }, () => this.#tell(run, event));
    return Promise.resolve(refusals[0] ?? null);
  }

  rerunFailed(run: number): Promise<string | null> {
    const { state, attempt, results } = this.#stored.runs[run]!;
    if (state.conclusion === null) return Promise.resolve('the run has not ended');
    const kept = resultsToKeep(state);
    if (kept === null) return Promise.resolve('nothing failed');
    const instances = Object.fromEntries(kept.keys.flatMap((key) => (results[key] ? [[key, results[key]]] : [])));
    const earlier = { ...kept.jobs, ...instances };
    const work = new Transaction(this.#stored, this.#agents.now());
    work.begin(run, attempt + 1, { ...state.input, options: { ...state.input.options, earlier, left: kept.left } });
    this.#commit(work);
    return Promise.resolve(null);
  }

  show(run: number): Promise<ShownFlow> {
    return Promise.resolve(showFlow(this.#stored.runs[run]!.state));
  }

  keys(run: number): Promise<readonly string[]> {
    return Promise.resolve(this.#stored.runs[run]!.keys);
  }

  nextTimer(): Promise<number | null> {
    const times = this.#stored.timers.map(({ at }) => at);
    return Promise.resolve(times.length === 0 ? null : Math.min(...times));
  }

  fireTimers(): Promise<void> {
    const now = this.#agents.now();
    const due = this.#stored.timers.filter(({ at }) => at <= now).sort((one, other) => one.at - other.at);
    for (const { run, id } of due) {
      const times = this.#troubles.twice ? 2 : 1;
      for (let time = 0; time < times; time++) this.#fire(run, id);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #tell(run: number, event: FlowEvent): string | null {
    const work = new Transaction(this.#stored, this.#agents.now());
    const refused = work.tell(run, event);
    // Whoever told it did not hear of the commit, and tells it again.
    if (this.#commit(work)) this.#tellAgain(run, event);
    return refused;
  }

  #tellAgain(run: number, event: FlowEvent): void {
    const work = new Transaction(this.#stored, this.#agents.now());
    work.tell(run, event);
    this.#stored = work.stored;
    this.#performAll();
  }

  #fire(run: number, id: string): void {
    const work = new Transaction(this.#stored, this.#agents.now());
    work.fire(run, id);
    this.#commit(work);
  }

  /** @returns whether it died after it. */
  #commit(work: Transaction): boolean {
    this.#stored = work.stored;
    this.commits++;
    const commands = this.#stored.outbox;
    const dies = this.#troubles.crashAfter(this.commits);
    if (dies) {
      commands.slice(0, Math.ceil(commands.length / 2)).forEach((command) => this.#perform(command));
      this.#stored = JSON.parse(JSON.stringify(this.#stored)) as Stored;
    }
    this.#performAll();
    return dies;
  }

  #performAll(): void {
    const times = this.#troubles.twice ? 2 : 1;
    for (const command of this.#stored.outbox) for (let time = 0; time < times; time++) this.#perform(command);
  }

  #perform(command: Command): void {
    const { run, attempt } = command;
    if (command.kind === 'start') this.#agents.start(run, attempt, command.command);
    else if (command.kind === 'cancel') this.#agents.cancel(run, attempt, command.key);
    else if (command.kind === 'paused') this.#agents.pause(run, command.paused);
    else this.#agents.runEnded(run, attempt, command.conclusion);
  }
}

/** One commit: an event, and what groups answer because of it. The outbox of the one before is done. */
class Transaction {
  stored: Stored;
  readonly #now: number;

  constructor(stored: Stored, now: number) {
    this.stored = { ...stored, outbox: [] };
    this.#now = now;
  }

  begin(run: number, attempt: number, input: FlowInput): void {
    const step = start(input);
    const keys = this.stored.runs[run]?.keys ?? [];
    const runs = [...this.stored.runs];
    runs[run] = { state: step.state, attempt, results: {}, keys };
    this.stored = { ...this.stored, runs };
    this.#work(run, step);
  }

  tell(run: number, event: FlowEvent): string | null {
    const stored = this.stored.runs[run]!;
    if (event.kind === 'job-completed') this.#result(run, event);
    const step = reduce(stored.state, event);
    this.#work(run, step);
    return step.refused;
  }

  fire(run: number, id: string): void {
    const timers = this.stored.timers.filter((timer) => timer.run !== run || timer.id !== id);
    this.stored = { ...this.stored, timers };
    this.tell(run, { kind: 'timer-fired', id });
  }

  #work(run: number, step: FlowStep): void {
    this.#change(run, { state: step.state });
    const answers = step.commands.flatMap((command) => this.#follow(run, command));
    for (const answer of answers) this.tell(answer.run, answer.event);
  }

  #follow(run: number, command: FlowCommand): GroupAnswer[] {
    const { attempt } = this.stored.runs[run]!;
    switch (command.kind) {
      case 'start-job':
        this.#know(run, command.key);
        this.#send({ kind: 'start', run, attempt, command });
        return [];
      case 'cancel-job':
        this.#send({ kind: 'cancel', run, attempt, key: command.key });
        return [];
      case 'job-settled':
      case 'job-concluded': {
        this.#know(run, command.key);
        const { key, conclusion, reason } = command;
        const { results } = this.stored.runs[run]!;
        const outputs = results[key]?.outputs ?? {};
        this.#change(run, { results: { ...results, [key]: { conclusion, reason, outputs } } });
        return [];
      }
      case 'job-kept': {
        const { state, results } = this.stored.runs[run]!;
        const kept = state.input.options.earlier[command.key];
        if (kept) this.#change(run, { results: { ...results, [command.key]: kept } });
        return [];
      }
      case 'acquire-group':
        return this.#groups(acquire(this.stored.groups, run, command));
      case 'release-group':
        return this.#groups(release(this.stored.groups, run, command));
      case 'set-timer': {
        const at = command.at ?? this.#now + (command.afterMs ?? 0);
        const others = this.stored.timers.filter((timer) => timer.run !== run || timer.id !== command.id);
        this.stored = { ...this.stored, timers: [...others, { run, id: command.id, at }] };
        return [];
      }
      case 'clear-timer': {
        const timers = this.stored.timers.filter((timer) => timer.run !== run || timer.id !== command.id);
        this.stored = { ...this.stored, timers };
        return [];
      }
      case 'run-completed':
        this.stored = { ...this.stored, timers: this.stored.timers.filter((timer) => timer.run !== run) };
        this.#send({ kind: 'ended', run, attempt, conclusion: command.conclusion });
        return [];
      case 'run-paused':
        this.#send({ kind: 'paused', run, attempt, paused: command.paused });
        return [];
      case 'job-waits':
        return [];
    }
  }

  #result(run: number, event: FlowEvent & { kind: 'job-completed' }): void {
    const { results } = this.stored.runs[run]!;
    if (Object.hasOwn(results, event.key)) return;
    const { conclusion, reason } = applyContinueOnError(event, false);
    this.#change(run, { results: { ...results, [event.key]: { conclusion, reason, outputs: event.outputs } } });
  }

  #groups([groups, answers]: [StoredGroups, GroupAnswer[]]): GroupAnswer[] {
    this.stored = { ...this.stored, groups };
    return answers;
  }

  #send(command: Command): void {
    this.stored = { ...this.stored, outbox: [...this.stored.outbox, command] };
  }

  #know(run: number, key: string): void {
    const { keys } = this.stored.runs[run]!;
    if (!keys.includes(key)) this.#change(run, { keys: [...keys, key] });
  }

  #change(run: number, change: Partial<StoredRun>): void {
    const runs = [...this.stored.runs];
    runs[run] = { ...runs[run]!, ...change };
    this.stored = { ...this.stored, runs };
  }
}
