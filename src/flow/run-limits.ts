import { toText } from '../expressions/evaluate.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';
import { finallyScope } from './finally-scope.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { FlowInput } from './flow-input.ts';
import type { Ended } from './iteration-state.ts';
import { CLEANS_UP } from './job-contexts.ts';
import { KeyProblem } from './key-problem.ts';
import type { AroundPhase, FlowState, ScopeSource } from './flow-state.ts';
import { Table } from './table.ts';

/**
 * What one run may hold: its jobs, each time that one is begun, the executions of workflows, rounds and phases that they
 * are in, and arrivals that wait. A run of 10,000 jobs, as many as there may be (open-instances.ts), holds a fifth of it;
 * it is also what a database still takes as one state.
 */
export const MAX_HELD = 100_000;
/** Beyond it, for what cleans up after jobs; and once more for `finally` of the workflow. */
const RESERVE = MAX_HELD / 10;

/** Text that counts as much as one thing held. */
const CHARACTERS_PER_THING = 1_000;

/**
 * What one event may bring about: steps of work, a command counting as twenty. As much as this and, so that all of a
 * large run can begin or end at once, ten commands for each thing in it and what it takes to tell each dependant. What
 * does more is never at rest, or might as well not be.
 */
const MAX_WORK = 500_000;
const WORK_PER_COMMAND = 20;
const WORK_PER_THING = 10 * WORK_PER_COMMAND;
/** An arrival that is counted, queued and considered, and the end of the need that is counted and considered. */
const WORK_PER_DEPENDANT = 5;

export const TOO_MUCH_HELD = `The run would hold more than ${MAX_HELD} jobs, rounds and arrivals.`;
export const TOO_MUCH_WORK = 'The run goes on and on without waiting for anything, and was ended.';
export const OVER_LIMIT: Ended = { conclusion: 'failure', reason: 'run-limit' };

/** Whether the run has no room for so much more in a scope. */
export function isFull(draft: FlowDraft, scope: string, more: number): boolean {
  const held = heldWith(draft, more);
  return held > MAX_HELD && held > MAX_HELD + reserveOf(draft, scope);
}

/** For jobs around a job of the scope. */
export function isFullFor(draft: FlowDraft, scope: string, phase: AroundPhase, more: number): boolean {
  return CLEANS_UP.has(phase) ? heldWith(draft, more) > MAX_HELD + RESERVE : isFull(draft, scope, more);
}

function heldWith({ scopes, jobs, iterations, arrivals, seen, characters }: FlowDraft, more: number): number {
  const things = scopes.size + jobs.size + iterations.size + arrivals.size + seen.size;
  return things + characters / CHARACTERS_PER_THING + more;
}

function reserveOf(draft: FlowDraft, scope: string): number {
  if (scope === finallyScope('')) return 2 * RESERVE;
  if (scope === '') return 0;
  const { source } = draft.scopes.get(scope);
  return cleansUp(source) ? RESERVE : reserveOf(draft, scopeAround(draft, scope, source));
}

function cleansUp(source: ScopeSource): boolean {
  return source.kind === 'finally' || (source.kind === 'around' && CLEANS_UP.has(source.phase));
}

function scopeAround(draft: FlowDraft, scope: string, source: ScopeSource): string {
  const inner =
    source.kind === 'around' || source.kind === 'round'
      ? draft.iterations.get(source.iteration)
      : draft.instances.get(scope);
  return draft.jobs.get(inner.job).scope;
}

/** Whether the event has done as much as it may. */
export function isSpent(draft: FlowDraft): boolean {
  const done = draft.work + draft.commands.length * WORK_PER_COMMAND;
  if (done <= MAX_WORK) return false;
  draft.mayWork ??= MAX_WORK + workOfPlans(draft.input) + workOfState(draft.before);
  return done > draft.mayWork;
}

/** Of jobs that the event may be the first to open. */
function workOfPlans({ workflows }: FlowInput): number {
  const plans = workflows.flatMap(({ jobs, flow }) => [...jobs, ...(flow?.finally ?? [])]);
  const needs = plans.reduce((sum, plan) => sum + plan.needs.length, 0);
  return plans.length * WORK_PER_THING + needs * WORK_PER_DEPENDANT;
}

/** Of what there was before the event: what it makes itself does not count, or a loop could go on for ever. */
function workOfState(before: FlowState): number {
  let things = before.jobs.size + before.instances.size;
  let dependants = 0;
  for (const [, job] of new Table(before.jobs).entries()) {
    things += job.live;
    dependants += job.dependants.length;
  }
  return things * WORK_PER_THING + dependants * WORK_PER_DEPENDANT;
}

/** What comes now may do as much as one event may. */
export function forgetWork(draft: FlowDraft): void {
  draft.work = -draft.commands.length * WORK_PER_COMMAND;
}

/**
 * Counts values that the run itself has made, and keeps.
 * @throws KeyProblem when it has no room for them.
 */
export function keepTexts(draft: FlowDraft, scope: string, values: JsonMap): JsonMap {
  const texts = Object.values(values);
  if (texts.length === 0) return values;
  const characters = texts.reduce<number>((sum, value) => sum + lengthOf(value), 0);
  draft.characters += characters;
  draft.work += Math.floor(characters / CHARACTERS_PER_THING);
  if (isFull(draft, scope, 0)) throw new KeyProblem(TOO_MUCH_HELD);
  return values;
}

function lengthOf(value: Json): number {
  return typeof value === 'object' && value !== null ? JSON.stringify(value).length : toText(value).length;
}
