import { evaluateCondition, evaluateTemplate } from '../expressions/evaluate.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import { isUnapproved, unapprovedBefore } from './approvals.ts';
import { joinOf, keepsArrivals } from './consider-job.ts';
import { raceKey } from './races.ts';
import { counts, skipJob } from './settle-job.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Ended } from './iteration-state.ts';
import type { JobState } from './job-state.ts';
import { isCancelled, jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';
import { iterationKey } from './keys.ts';
import { releaseSection } from './locks.ts';
import { keepTexts } from './run-limits.ts';
import { forgetRounds, recountRounds } from './rounds.ts';
import { setDeadline } from './start-deadline.ts';
import { withdrawIteration } from './withdraw.ts';

type Jumped =
  | { readonly kind: 'none' }
  | { readonly kind: 'jumped' }
  | { readonly kind: 'failed'; readonly ended: Ended; readonly message: string };

/** Where the run goes on when an iteration has ended: at its dependants, or where a step or `next` says. */
export function jumpFrom(draft: FlowDraft, key: string, outcome: Ended): Jumped {
  const iteration = draft.iterations.get(key);
  const path = iteration.job;
  const job = draft.jobs.get(path);
  if (outcome.conclusion !== 'success' && outcome.conclusion !== 'failure') return { kind: 'none' };
  if (isCancelled(draft, job.scope) || draft.scopes.get(job.scope).terminated !== null) return { kind: 'none' };
  const asked = attempt(() => iteration.goto ?? nextOf(draft, key, outcome));
  if (asked.kind === 'problem') return failed('condition-error', asked.message);
  if (asked.value === null) return { kind: 'none' };
  const { target: id, with: given } = asked.value;
  const target = draft.scopes
    .get(job.scope)
    .jobs.find((other) => draft.jobs.get(other).id.toLowerCase() === id.toLowerCase());
  if (target === undefined) return failed('unknown-target', `There is no job '${id}' to go to.`);
  const { maxJumps } = draft.limitsOf(job.scope);
  if (job.jumps >= maxJumps) return failed('too-many-jumps', `It would jump more than ${maxJumps} times.`);
  const below = descendantsOf(draft, target);
  const jump = { from: job.id, with: given };
  const isBack = target === path || below.has(path);
  const isForward = !isBack && draft.jobs.get(target).phase === 'pending';
  const leftOut = isForward ? between(draft, path, target, below) : [];
  // Who wrote `next` may leave an approval out, a step may not.
  const unapproved = iteration.goto === null ? null : passedOver(draft, target, isBack, leftOut);
  if (unapproved !== null)
    return failed('unapproved', `It would go on at '${id}' without an approval that '${unapproved}' needs.`);
  draft.jobs.update(path, { jumps: job.jumps + 1 });
  if (isForward) {
    for (const other of leftOut) skipJob(draft, other, 'choice');
    draft.jobs.update(target, { jump });
    draft.push({ kind: 'consider', job: target });
    return { kind: 'none' };
  }
  // Whoever runs already need not be begun.
  if (!isBack && draft.jobs.get(target).phase === 'open') return { kind: 'none' };
  jumpBack(draft, path, target, below, isBack);
  draft.jobs.update(target, { jump });
  draft.push({ kind: 'consider', job: target });
  return isBack ? { kind: 'jumped' } : { kind: 'none' };
}

function failed(
  reason: 'condition-error' | 'unknown-target' | 'too-many-jumps' | 'unapproved',
  message: string,
): Jumped {
  return { kind: 'failed', ended: { conclusion: 'failure', reason }, message };
}

/** The id of a job without whose approval the target would begin, or which is left out; null without. */
function passedOver(draft: FlowDraft, target: string, isBack: boolean, leftOut: readonly string[]): string | null {
  // What is begun anew had what it needed when it began.
  const isKnown = isBack && draft.jobs.get(target).begun > 0;
  const before = isKnown ? null : unapprovedBefore(draft, target);
  const found = before ?? leftOut.find((path) => isUnapproved(draft, path));
  return found === undefined ? null : draft.jobs.get(found).id;
}

/** @throws ExpressionError */
function nextOf(draft: FlowDraft, key: string, { conclusion }: Ended): { target: string; with: JsonMap } | null {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const next = draft.planOf(job).flow?.next ?? [];
  if (next.length === 0) return null;
  const contexts = { ...jobContexts(draft, job, iteration), outputs: iteration.outputs, result: conclusion };
  const status = { success: conclusion === 'success', failure: conclusion === 'failure', cancelled: false };
  for (const { if: condition, goto, with: given } of next)
    if (evaluateCondition(condition, { contexts, status }))
      return { target: goto, with: keepTexts(draft, job.scope, evaluateTemplate(given, { contexts }) as JsonMap) };
  return null;
}

/** What lies only between the two, and is left out. */
function between(draft: FlowDraft, source: string, target: string, below: ReadonlySet<string>): readonly string[] {
  const left = reachedFrom(draft, new Set([source]), (path) => {
    return path !== target && !below.has(path) && draft.jobs.get(path).phase === 'pending';
  });
  return [...left].filter((path) => path !== source);
}

/** Target, source and what comes after the target alone begin anew. */
function jumpBack(draft: FlowDraft, source: string, target: string, below: ReadonlySet<string>, isBack: boolean): void {
  const again = new Set([target]);
  if (isBack) {
    for (const path of pathsBetween(draft, below, source)) again.add(path);
    again.add(source);
  }
  reachedFrom(draft, again, (path) => below.has(path));
  for (const path of again) forget(draft, path);
  for (const path of again) releaseSection(draft, path);
  releaseRaces(draft, again);
  const touched = new Set([...again].flatMap((path) => [path, ...draft.jobs.get(path).dependants]));
  for (const path of touched) recount(draft, path);
  for (const path of again) setDeadline(draft, path);
  draft.signals = draft.signals.filter(({ job }) => job === null || !again.has(job));
}

/** Adds to the jobs those of which all needs are among them. */
function reachedFrom(draft: FlowDraft, jobs: Set<string>, isMeant: (path: string) => boolean): ReadonlySet<string> {
  const missing = new Map<string, number>();
  // A set that is iterated also gives what is added meanwhile.
  for (const path of jobs) {
    for (const dependant of draft.jobs.get(path).dependants) {
      draft.work++;
      const before =
        missing.get(dependant) ?? draft.jobs.get(dependant).needs.filter(({ path: need }) => need !== null).length;
      missing.set(dependant, before - 1);
      if (before === 1 && isMeant(dependant)) jobs.add(dependant);
    }
  }
  return jobs;
}

/** What is behind the target and before the source. */
function pathsBetween(draft: FlowDraft, below: ReadonlySet<string>, source: string): ReadonlySet<string> {
  const between = new Set<string>();
  const open = [source];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const { path: need } of draft.jobs.get(path).needs) {
      if (need === null || between.has(need) || !below.has(need)) continue;
      between.add(need);
      open.push(need);
    }
  }
  return between;
}

/** As if the job had not been begun. What of it runs is asked to end, and counts for nothing. */
function forget(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  let dying = job.dying;
  draft.work++;
  // Those before the last jump back have ended, or are to end.
  for (let number = Math.max(job.iterations - job.begun, 1); number <= job.iterations; number++) {
    const key = iterationKey(path, number);
    const iteration = draft.iterations.find(key);
    if (iteration === null || iteration.stage.kind === 'ended' || iteration.superseded) continue;
    dying += 1;
    draft.jobs.update(path, { dying });
    draft.iterations.update(key, { superseded: true });
    withdrawIteration(draft, key, { conclusion: 'withdrawn', reason: 'superseded' });
    dying = draft.jobs.get(path).dying;
  }
  const scope = draft.scopes.get(job.scope);
  if (job.phase === 'settled') draft.scopes.update(job.scope, { open: scope.open + 1 });
  draft.jobs.update(path, {
    phase: 'pending',
    begun: 0,
    live: 0,
    succeeded: 'no',
    untaken: [],
    told: false,
    past: job.result === null ? job.past : [...new Set([...job.past, job.result])],
    result: null,
    reason: null,
    fate: null,
    soFar: null,
    outputs: {},
    instances: [],
    jump: null,
  });
  forgetRounds(draft, path);
}

/** A race that is held anew is open again. */
function releaseRaces(draft: FlowDraft, again: ReadonlySet<string>): void {
  for (const path of again) {
    const { won, scope } = draft.jobs.get(path);
    if (!won) continue;
    for (const race of won) draft.races.delete(raceKey(scope, race));
    draft.jobs.update(path, { won: null });
  }
}

function recount(draft: FlowDraft, path: string): void {
  const job = draft.jobs.get(path);
  const needs = job.needs.flatMap((need) => (need.path === null ? [] : [draft.jobs.get(need.path)]));
  draft.jobs.update(path, {
    waiting: needs.filter(({ phase, told }) => phase !== 'settled' && !told).length,
    successes: needs.filter((need) => counts(draft, job, need)).length,
    hopeless: needs.filter((need) => (need.phase === 'settled' || need.told) && !counts(draft, job, need)).length,
  });
  if (keepsArrivals(joinOf(draft, job))) recountRounds(draft, path);
  draft.push({ kind: 'consider', job: path });
}

export function descendantsOf(draft: FlowDraft, path: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open: JobState[] = [draft.jobs.get(path)];
  for (let job = open.pop(); job !== undefined; job = open.pop()) {
    for (const dependant of job.dependants) {
      if (found.has(dependant)) continue;
      draft.work++;
      found.add(dependant);
      open.push(draft.jobs.get(dependant));
    }
  }
  return found;
}
