import type { FlowEvent, PersonRequest, StartJob } from '../../src/flow/flow-event.ts';
import type { ShownFlow } from '../../src/flow/show-flow.ts';
import type { FlowRequest } from '../../src/protocol/flow-plan.ts';
import type { RunConclusion } from '../../src/protocol/conclusion.ts';
import { type BodyEnd, type BodyRun, endOfBody, lengthOf } from './body-run.ts';
import type { After, CaseEvent } from './case-events.ts';
import type { CaseAgents, CaseHost } from './case-host.ts';
import { CaseProblem } from './fields.ts';
import { childRuns } from './child-runs.ts';
import { readKey } from './job-name.ts';
import { isFinal, isRunStatus } from './run-status.ts';
import { findJob, jobStatus } from './shown-jobs.ts';
import type { TranslatedCase } from './translate-case.ts';
import { EPOCH, TICK_MS } from './translate-flow.ts';
import { BODY } from './translate-jobs.ts';

/** More than any case takes: one that goes on beyond never ends. */
const MAX_STEPS = 20_000;

export interface RunRecord {
  /** Of the newest attempt; null while it goes on. */
  conclusion: RunConclusion | null;
  /** Point in the world's order of its end; null while it goes on. */
  ended: number | null;
}

/**
 * Everything outside of the flow: agents, people and time. Bodies take virtual time, events happen when their state is
 * reached; everything that begins or ends has its place in one order, so that nothing is at the same time by accident.
 */
export class World implements CaseAgents {
  readonly bodies: BodyRun[] = [];
  readonly runs: RunRecord[] = [];
  /** Names of hooks that were called, by job as written. */
  readonly hooks = new Map<string, string[]>();
  rejected = 0;
  readonly #case: TranslatedCase;
  #queue: { readonly run: number; readonly attempt: number; readonly command: StartJob }[] = [];
  readonly #seen = new Set<string>();
  /** Runs of which nothing more is begun. */
  readonly #paused = new Set<number>();
  readonly #running = new Map<string, BodyRun>();
  readonly #cancelled: { readonly run: number; readonly key: string }[] = [];
  #agenda: { readonly at: number; readonly order: number; readonly act: () => Promise<void> }[] = [];
  #events: { readonly event: CaseEvent; readonly number: number }[];
  #now = EPOCH;
  #order = 0;
  #host!: CaseHost;

  constructor(translated: TranslatedCase) {
    this.#case = translated;
    this.#events = translated.events.map((event, index) => ({ event, number: index + 1 }));
  }

  now(): number {
    return this.#now;
  }

  /** Plays the case until nothing can happen any more. */
  async play(host: CaseHost): Promise<void> {
    this.#host = host;
    for (let run = 0; run < this.#case.starts; run++) {
      this.runs.push({ conclusion: null, ended: null });
      await host.begin(run, this.#case.input);
    }
    for (const early of this.#take(({ after }) => after.kind === 'before-start'))
      await this.#do(early.event, early.event.run ?? 0, early.number);
    await this.goOn();
  }

  /** Until nothing can happen any more, after something was told from elsewhere. */
  async goOn(): Promise<void> {
    for (let step = 0; ; step++) {
      if (step > MAX_STEPS) throw new CaseProblem(`it does not end: ${MAX_STEPS} steps and more`);
      if (!(await this.#step())) return;
    }
  }

  /** Events whose state was never reached. */
  get missed(): readonly number[] {
    return this.#events.map(({ number }) => number);
  }

  start(run: number, attempt: number, command: StartJob): void {
    const id = `${run}/${attempt}/${command.key}`;
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#queue.push({ run, attempt, command });
  }

  cancel(run: number, attempt: number, key: string): void {
    const queued = this.#queue.findIndex(
      (waiting) => waiting.run === run && waiting.attempt === attempt && waiting.command.key === key,
    );
    if (queued >= 0) {
      this.#queue.splice(queued, 1);
      this.#cancelled.push({ run, key });
      return;
    }
    const body = this.#running.get(`${run}/${attempt}/${key}`);
    if (!body) return;
    this.#end(body, { conclusion: 'cancelled', outputs: {}, wish: undefined });
    this.#cancelled.push({ run, key });
  }

  forget(run: number, attempt: number, key: string): void {
    this.#queue = this.#queue.filter(
      (waiting) => waiting.run !== run || waiting.attempt !== attempt || waiting.command.key !== key,
    );
  }

  pause(run: number, paused: boolean): void {
    if (paused) this.#paused.add(run);
    else this.#paused.delete(run);
  }

  runEnded(run: number, _attempt: number, conclusion: RunConclusion): void {
    const record = this.runs[run]!;
    if (record.conclusion !== null) return;
    record.conclusion = conclusion;
    record.ended = this.#order++;
  }

  /** @returns false when nothing can happen any more. */
  async #step(): Promise<boolean> {
    if (await this.#fireOne()) return true;
    const cancelled = this.#cancelled.shift();
    if (cancelled) {
      const { run, key } = cancelled;
      await this.#tell(run, { kind: 'job-completed', key, conclusion: 'cancelled', reason: null, outputs: {} });
      return true;
    }
    const next = this.#queue.find(({ run }) => !this.#paused.has(run));
    if (next) {
      this.#queue = this.#queue.filter((waiting) => waiting !== next);
      await this.#begin(next);
      return true;
    }
    const [due] = this.#agenda;
    if (!due || due.at > this.#now) return this.#advance();
    this.#agenda = this.#agenda.slice(1);
    await due.act();
    return true;
  }

  /** To the next time at which something happens. Timers come first: who is to start before a tick does not start at it. */
  async #advance(): Promise<boolean> {
    const timer = await this.#host.nextTimer();
    const tick = Math.min(...this.#events.map(({ event }) => tickOf(event.after)));
    const next = Math.min(timer ?? Infinity, this.#agenda[0]?.at ?? Infinity, tick);
    if (next === Infinity) return false;
    this.#now = Math.max(next, this.#now);
    if (timer !== null && timer <= this.#now) await this.#host.fireTimers();
    return true;
  }

  async #begin({ run, attempt, command }: { run: number; attempt: number; command: StartJob }): Promise<void> {
    const number = Number(command.plan.env[BODY]);
    const { behaviour, hook } = this.#case.bodies[number]!;
    const { key, instance, iteration, attempt: retry } = command;
    const id = `${run}/${attempt}/${key}`;
    const { path } = readKey(key);
    const earlier = this.bodies.filter((body) => body.run === run && body.number === number);
    const body: BodyRun = {
      run,
      key,
      path,
      number,
      instance,
      iteration,
      retry,
      command,
      earlier: earlier.filter((other) => other.instance === instance).length,
      earlierOfJob: earlier.length,
      startedAt: this.#now,
      started: this.#order++,
      end: null,
    };
    this.bodies.push(body);
    this.#running.set(id, body);
    if (hook) this.hooks.set(hook.job, [...(this.hooks.get(hook.job) ?? []), hook.name]);
    await this.#tell(run, { kind: 'job-started', key });
    // Somebody may have cancelled it meanwhile.
    if (body.end !== null) return;
    const { emits, endsAfter } = lengthOf(behaviour, instance);
    emits.forEach((ticks, index) =>
      this.#plan(ticks, async () => {
        if (body.end !== null) return;
        const outputs = endOfBody(body, this.#case.bodies[number]!).outputs;
        const requestId = `${id} emit ${index}`;
        await this.#tell(run, {
          kind: 'requested',
          id: requestId,
          by: { job: key },
          request: { kind: 'emit', outputs },
        });
      }),
    );
    this.#plan(endsAfter, async () => {
      if (body.end !== null) return;
      const end = endOfBody(body, this.#case.bodies[number]!);
      this.#end(body, end);
      const { conclusion, outputs, wish } = end;
      await this.#tell(run, { kind: 'job-completed', key, conclusion, reason: null, outputs, ...(wish && { wish }) });
    });
  }

  #plan(ticks: number, act: () => Promise<void>): void {
    const at = this.#now + ticks * TICK_MS;
    this.#agenda = [...this.#agenda, { at, order: this.#order++, act }].sort(
      (one, other) => one.at - other.at || one.order - other.order,
    );
  }

  #end(body: BodyRun, end: BodyEnd): void {
    body.end = { ...end, at: this.#now, order: this.#order++ };
    for (const [id, other] of this.#running) if (other === body) this.#running.delete(id);
  }

  async #tell(run: number, event: FlowEvent): Promise<string | null> {
    return this.#host.tell(run, event);
  }

  #take(matches: (event: CaseEvent) => boolean): { readonly event: CaseEvent; readonly number: number }[] {
    const taken = this.#events.filter(({ event }) => matches(event));
    this.#events = this.#events.filter(({ event }) => !matches(event));
    return taken;
  }

  /** Does the first of the events whose state is reached. */
  async #fireOne(): Promise<boolean> {
    if (this.#events.length === 0) return false;
    for (let run = 0; run < this.runs.length; run++) {
      const shown = await this.#host.show(run);
      for (const waiting of this.#events) {
        const { after, run: only } = waiting.event;
        if (!(await this.#isReached(after, run, shown))) continue;
        this.#events = this.#events.filter((other) => other !== waiting);
        await this.#do(waiting.event, only ?? run, waiting.number);
        return true;
      }
    }
    return false;
  }

  async #isReached(after: After, run: number, shown: ShownFlow): Promise<boolean> {
    switch (after.kind) {
      case 'begun':
      case 'before-start':
        return true;
      case 'tick':
        return this.#now >= tickOf(after);
      case 'run':
        return isRunStatus(after.status, shown.run);
      case 'child':
        return this.#isChildReached(after, run, shown);
      case 'job': {
        const status = jobStatus(shown, after.job);
        if (status === after.status || (after.status === 'completed' && isFinal(status))) return true;
        return this.#hasPassed(after, run);
      }
    }
  }

  /** A state that was over before somebody could look. */
  #hasPassed({ job, status }: After & { kind: 'job' }, run: number): boolean {
    const bodies = this.bodies.filter((body) => body.run === run && isBodyOf(body, job));
    if (status === 'running') return bodies.length > 0;
    if (status === 'success' || status === 'failure')
      return bodies.some(({ end }) => end?.conclusion === status && !end.wish?.retry);
    return false;
  }

  async #isChildReached({ child, status }: After & { kind: 'child' }, run: number, shown: ShownFlow): Promise<boolean> {
    const children = childRuns(this.#case, shown, await this.#host.keys(run));
    return children.some(({ pipeline, scope, status: now }) => {
      if (pipeline !== child && readKey(scope).id !== this.#case.planId(child)) return false;
      return now === status || (status === 'running' && !isFinal(now));
    });
  }

  async #do({ act, by }: CaseEvent, run: number, number: number): Promise<void> {
    const isOver = this.runs[run]?.conclusion !== null;
    const refused = await this.#act(act, run, by, number);
    // The API has nothing to ask of a run that is over.
    if (refused !== null || (isOver && act.kind !== 'rerun-failed')) this.rejected++;
  }

  async #act(act: CaseEvent['act'], run: number, by: string, number: number): Promise<string | null> {
    switch (act.kind) {
      case 'cancel-run':
        return this.#tell(run, { kind: 'cancel', cause: 'user', force: act.force });
      case 'rerun-failed': {
        const record = this.runs[run]!;
        const before = { ...record };
        Object.assign(record, { conclusion: null, ended: null });
        const refused = await this.#host.rerunFailed(run);
        if (refused !== null) Object.assign(record, before);
        return refused;
      }
      case 'request':
        return this.#tell(run, {
          kind: 'requested',
          id: `event ${number}`,
          by: { user: by },
          request: addressed(act.request, await this.#host.show(run)),
        });
    }
  }
}

/** To the jobs as they are called now: one in the body of a loop has another path in each round. */
function addressed(request: FlowRequest | PersonRequest, shown: ShownFlow): FlowRequest | PersonRequest {
  const pathNow = (written: string): string => {
    const { path, instance } = readKey(written);
    const found = findJob(shown, path)?.path ?? path;
    return instance === null ? found : `${found}.${instance}`;
  };
  if (request.kind === 'cancel' && !request.target.includes(':'))
    return { ...request, target: pathNow(request.target) };
  if ('job' in request && request.job !== null) return { ...request, job: pathNow(request.job) };
  return request;
}

function tickOf(after: After): number {
  return after.kind === 'tick' ? EPOCH + after.tick * TICK_MS : Infinity;
}

function isBodyOf(
  body: BodyRun,
  { path, instance }: { readonly path: string; readonly instance: number | null },
): boolean {
  const isJob = body.path === path || readKey(body.key).id === path;
  return isJob && (instance === null || body.instance === instance + 1);
}
