import { evaluateText } from '../expressions/evaluate.ts';
import type { JobFlowPlan } from '../protocol/flow-plan.ts';
import { bareName } from './display-name.ts';
import { beginParts, endIteration, failBeforeStart } from './end-iteration.ts';
import { waitsForEndOf } from './endless-wait.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { WaitsFor } from './flow-event.ts';
import { countedEnd } from './ignored-failure.ts';
import type { Ended, IterationState } from './iteration-state.ts';
import type { JobState } from './job-state.ts';
import { jobContexts } from './job-contexts.ts';
import { keptResult } from './kept-job.ts';
import { attempt, KeyProblem } from './key-problem.ts';
import { pathIn } from './keys.ts';
import { takeSection } from './locks.ts';
import { milestoneState, passedMilestone } from './milestone.ts';
import { announce } from './settle-job.ts';
import { consumeSignal } from './signals.ts';
import { evaluateMinutes } from './typed-value.ts';
import { lookAgain } from './watchers.ts';

/** What a job may have to wait for before it starts, in this order. */
type Verdict =
  | 'passed'
  /** Null: it has said already what it waits for. */
  | { readonly waits: WaitsFor | null }
  | { readonly ends: Ended & { readonly message?: string } };
type Gate = (place: Place) => Verdict;

interface Place {
  readonly draft: FlowDraft;
  readonly key: string;
  readonly iteration: IterationState;
  readonly job: JobState;
  readonly flow: JobFlowPlan;
  /** It was here before. */
  readonly again: boolean;
}

const GATES: readonly Gate[] = [startAt, delayBefore, earlierStages, waitForSignal, milestone, section];

/** Most jobs have none of it, and go on at once. */
export function enterGates(draft: FlowDraft, key: string): void {
  const { job: path } = draft.iterations.get(key);
  const job = draft.jobs.get(path);
  if (draft.planOf(job).flow === undefined || keptResult(draft, key) !== null) {
    beginParts(draft, key);
    return;
  }
  draft.jobs.update(path, { gated: [...job.gated, key] });
  passGates(draft, key);
}

/** As far as it comes. */
export function passGates(draft: FlowDraft, key: string): void {
  for (;;) {
    const iteration = draft.iterations.get(key);
    if (iteration.stage.kind !== 'gates') return;
    const { gate, waits } = iteration.stage;
    const job = draft.jobs.get(iteration.job);
    const { flow } = draft.planOf(job);
    const check = GATES[gate];
    if (!check || !flow) {
      leaveGates(draft, key);
      beginParts(draft, key);
      return;
    }
    const verdict = verdictOf(check, { draft, key, iteration, job, flow, again: waits });
    if (verdict === 'passed') {
      nextGate(draft, key, gate);
      continue;
    }
    if ('ends' in verdict) {
      endAtGate(draft, key, verdict.ends, verdict.ends.message ?? null);
      return;
    }
    draft.iterations.update(key, { stage: { kind: 'gates', gate, waits: true } });
    if (!waits) lookAgain(draft, job);
    if (verdict.waits !== null) sayWaits(draft, key, verdict.waits);
    return;
  }
}

/** Another gate, or none is left. */
export function nextGate(draft: FlowDraft, key: string, gate: number): void {
  draft.iterations.update(key, { stage: { kind: 'gates', gate: gate + 1, waits: false } });
}

/** It will not start. Its waits are over. */
export function endAtGate(draft: FlowDraft, key: string, end: Ended, message: string | null): void {
  const { job } = draft.iterations.get(key);
  const { conclusion, reason } = countedEnd(draft, key, end);
  const ended: Ended = { conclusion, reason };
  leaveGates(draft, key);
  announce(draft, key, job, { ...ended, message });
  draft.iterations.update(key, { outcome: ended });
  if (end.conclusion === 'failure') failBeforeStart(draft, key);
  else endIteration(draft, key);
}

function leaveGates(draft: FlowDraft, key: string): void {
  const { job: path, stage } = draft.iterations.get(key);
  const job = draft.jobs.get(path);
  draft.jobs.update(path, { gated: job.gated.filter((other) => other !== key) });
  // Of the others nobody listens, and there may be many who do.
  if (draft.planOf(job).flow?.waitFor) draft.listeners = draft.listeners.filter((other) => other !== key);
  if (stage.kind === 'gates' && stage.waits && TIMERS.has(stage.gate))
    draft.commands.push({ kind: 'clear-timer', id: timerId(key, stage.gate) });
}

export function sayWaits(draft: FlowDraft, key: string, waits: WaitsFor): void {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const name = bareName(draft.planOf(job), { contexts: jobContexts(draft, job, iteration) });
  draft.commands.push({
    kind: 'job-waits',
    key,
    id: iteration.job,
    instance: 0,
    name: [...draft.scopes.get(job.scope).names, name].join(' / '),
    matrix: null,
    for: waits,
  });
}

function verdictOf(check: Gate, place: Place): Verdict {
  const verdict = attempt(() => check(place));
  if (verdict.kind === 'value') return verdict.value;
  return { ends: { conclusion: 'failure', reason: 'condition-error', message: verdict.message } };
}

/** Gates with a timer. */
const START_AT = 0;
const DELAY_BEFORE = 1;
export const SIGNAL = 3;
const TIMERS: ReadonlySet<number> = new Set([START_AT, DELAY_BEFORE, SIGNAL]);

export function timerId(key: string, gate: number): string {
  return `${key}/gate-${gate}`;
}

function contextsOf({ draft, job, iteration }: Place): ReturnType<typeof jobContexts> {
  return jobContexts(draft, job, iteration);
}

function startAt(place: Place): Verdict {
  const { draft, key, flow, again } = place;
  if (flow.startAt === null) return 'passed';
  if (again) return { waits: null };
  const text = evaluateText(flow.startAt, { contexts: contextsOf(place) });
  if (text === '') return 'passed';
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new KeyProblem(`\`start-at\` takes a time such as 2026-06-01T12:00:00Z, but it is '${text}'.`);
  draft.commands.push({ kind: 'set-timer', id: timerId(key, START_AT), afterMs: null, at });
  return { waits: { kind: 'time', why: 'start-at' } };
}

function delayBefore({ draft, key, flow, again }: Place): Verdict {
  const ms = flow.stage?.delayBeforeMs ?? 0;
  if (ms <= 0) return 'passed';
  if (again) return { waits: null };
  draft.commands.push({ kind: 'set-timer', id: timerId(key, DELAY_BEFORE), afterMs: ms, at: null });
  return { waits: { kind: 'time', why: 'delay' } };
}

/** Jobs of lower stages for which this one does not wait would have started before it, had there been runners enough. */
function earlierStages({ draft, job, flow, again }: Place): Verdict {
  const others = (flow.stage?.startsAfter ?? []).flatMap((id) => draft.jobs.find(pathIn(job.scope, id)) ?? []);
  const behind = others.find(
    (other) => other.phase === 'pending' || (other.phase === 'open' && !hasStarted(draft, other)),
  );
  if (!behind) return 'passed';
  return { waits: again ? null : { kind: 'milestone', job: behind.id, state: 'running' } };
}

function hasStarted(draft: FlowDraft, job: JobState): boolean {
  // A loop has no instances, and has started when it is open.
  if (job.instances.length === 0) return job.gated.length === 0;
  return job.instances.some((key) => {
    const { status } = draft.instances.get(key);
    return status.kind === 'running' ? status.seen : status.kind === 'calling' || status.kind === 'settled';
  });
}

function waitForSignal(place: Place): Verdict {
  const { draft, key, flow, again } = place;
  const plan = flow.waitFor;
  if (plan === null || place.iteration.signal !== null) return 'passed';
  const contexts = contextsOf(place);
  const texts = (templates: typeof plan.from): string[] =>
    templates.map((template) => evaluateText(template, { contexts })).filter((text) => text !== '');
  const from = texts(plan.from);
  if (plan.from.length > 0 && from.length === 0)
    return { ends: { conclusion: 'failure', reason: 'condition-error', message: "Its 'wait-for.from' names nobody." } };
  const signal = again ? null : consumeSignal(draft, place.iteration.job, plan, contexts);
  if (signal !== null) {
    draft.iterations.update(key, { signal });
    return 'passed';
  }
  if (again) return { waits: null };
  draft.listeners = [...draft.listeners, key];
  const afterMs = evaluateMinutes('wait-for.timeout-minutes', plan.timeoutMinutes, { contexts });
  if (afterMs !== null) draft.commands.push({ kind: 'set-timer', id: timerId(key, SIGNAL), afterMs, at: null });
  return { waits: { kind: 'signal', names: texts(plan.signals), from } };
}

function milestone({ draft, key, job, flow, again }: Place): Verdict {
  const plan = flow.milestone;
  if (plan === null) return 'passed';
  const state = milestoneState(draft, key, plan);
  if (state === 'holds') return 'passed';
  if (state === 'passed') return { ends: passedMilestone(plan) };
  const other = pathIn(job.scope, plan.job);
  if (!again && draft.jobs.find(other) !== null && waitsForEndOf(draft, { job: other }, pathIn(job.scope, job.id))) {
    const message = `It would wait for ever for '${plan.job}', which comes after it.`;
    return { ends: { conclusion: 'failure', reason: 'milestone', message } };
  }
  return { waits: again ? null : { kind: 'milestone', job: plan.job, state: plan.state } };
}

function section({ draft, key, again }: Place): Verdict {
  const taken = takeSection(draft, key);
  if (taken.kind === 'taken') return 'passed';
  if (taken.kind === 'endless')
    return { ends: { conclusion: 'failure', reason: 'concurrency', message: taken.message } };
  return { waits: again ? null : { kind: 'lock', lock: taken.lock, holder: taken.holder } };
}
