import type { JobConclusion } from '../protocol/conclusion.ts';
import { arrive, isOverfilled } from './arrive.ts';
import { failRun } from './cancel.ts';
import { chosen } from './choose-branches.ts';
import { resultOf } from './conclusions.ts';
import { bareName } from './display-name.ts';
import { aroundPlans, type FlowDraft } from './flow-draft.ts';
import type { AroundPhase } from './flow-state.ts';
import { countedEnd } from './ignored-failure.ts';
import type { Ended } from './iteration-state.ts';
import { isEndedByForce, jobContexts } from './job-contexts.ts';
import { jumpFrom } from './jump.ts';
import { keptResult } from './kept-job.ts';
import { releaseSection } from './locks.ts';
import { openMain } from './main-part.ts';
import { openScope } from './open-scope.ts';
import { claimRace } from './races.ts';
import { isFullFor, OVER_LIMIT, TOO_MUCH_HELD } from './run-limits.ts';
import { settleBody } from './settle-instance.ts';
import { passEarly } from './settle-job.ts';
import { endingOfStopped } from './stop-run.ts';
import { tellOfEnd, tellOfUnreported } from './tell-of-end.ts';
import { terminateScope } from './terminate.ts';
import { cancelTargets } from './targets.ts';

/** An iteration has passed its gates: what is before its main part, or that. */
export function beginParts(draft: FlowDraft, key: string): void {
  const { flow } = draft.planOfIteration(key);
  if (!flow) {
    openMain(draft, key);
    return;
  }
  if (flow.cancels?.on === 'start') cancelTargets(draft, key, flow.cancels.targets);
  // What it ended may be what it is in.
  if (draft.iterations.get(key).stage.kind !== 'gates') return;
  if (flow.before.length === 0) openMain(draft, key);
  else if (claimRace(draft, key)) beginAround(draft, key, 'before');
}

/** The main part has come to its end. `message`: where that is not what a worker reported. */
export function finishMain(draft: FlowDraft, key: string, ended: Ended, message: string | null): void {
  const { conclusion } = ended;
  settleBody(draft, key, ended);
  if (message !== null || conclusion === 'skipped') tellOfEnd(draft, key, ended, message);
  const wasStopped = conclusion === 'cancelled' || conclusion === 'withdrawn';
  if (conclusion === 'skipped' || (wasStopped && !draft.iterations.get(key).ran)) {
    draft.iterations.update(key, { main: ended, outcome: ended });
    endIteration(draft, key);
    return;
  }
  const main = chosen(draft, key, ended);
  draft.iterations.update(key, { main, outcome: countedEnd(draft, key, main) });
  const isFailure = main.conclusion === 'failure' || main.reason === 'failure-ignored';
  if (isFailure) goOn(draft, key, ['on-failure', 'finally']);
  else if (conclusion === 'success') goOn(draft, key, ['after', 'finally']);
  else goOn(draft, key, ['on-cancel', 'finally']);
}

/** What is around a job has ended. */
export function aroundEnded(
  draft: FlowDraft,
  key: string,
  phase: AroundPhase,
  results: readonly JobConclusion[],
): void {
  const iteration = draft.iterations.get(key);
  const worst = resultOf(results);
  const outcome = countedEnd(draft, key, { conclusion: worst, reason: null });
  const { fate } = iteration;
  if (fate !== null && (phase === 'before' || phase === 'after')) {
    if (fate.conclusion === 'success' && phase === 'before') {
      finishMain(draft, key, fate, null);
      return;
    }
    draft.iterations.update(key, { main: iteration.main ?? fate, outcome: fate });
    goOn(draft, key, fate.conclusion === 'success' ? ['finally'] : ['on-cancel', 'finally']);
    return;
  }
  switch (phase) {
    case 'before':
      if (worst !== 'failure' && worst !== 'cancelled') openMain(draft, key);
      else {
        draft.iterations.update(key, { main: { conclusion: 'failure', reason: null }, outcome });
        goOn(draft, key, [worst === 'failure' ? 'on-failure' : 'on-cancel', 'finally']);
      }
      return;
    case 'after':
      if (worst === 'failure' || worst === 'cancelled') draft.iterations.update(key, { outcome });
      goOn(
        draft,
        key,
        worst === 'failure'
          ? ['on-failure', 'finally']
          : worst === 'cancelled'
            ? ['on-cancel', 'finally']
            : ['finally'],
      );
      return;
    case 'on-failure':
    case 'on-cancel':
      if (iteration.main === null) endIteration(draft, key);
      else goOn(draft, key, ['finally']);
      return;
    case 'finally':
      if (worst === 'failure' && iteration.outcome?.conclusion === 'success') draft.iterations.update(key, { outcome });
      goOn(draft, key, []);
  }
}

/** A job that has failed before it could start has nothing for `finally` to clean up after. */
export function failBeforeStart(draft: FlowDraft, key: string): void {
  if (!beginFirst(draft, key, ['on-failure'])) endIteration(draft, key);
}

function goOn(draft: FlowDraft, key: string, phases: readonly AroundPhase[]): void {
  const { flow } = draft.planOfIteration(key);
  if (beginFirst(draft, key, phases)) return;
  if (flow?.stage && flow.stage.delayAfterMs > 0 && keptResult(draft, key) === null) {
    draft.iterations.update(key, { stage: { kind: 'delay-after' } });
    draft.commands.push({ kind: 'set-timer', id: `${key}/after`, afterMs: flow.stage.delayAfterMs, at: null });
  } else endIteration(draft, key);
}

/** The first phase of them that has jobs; false where none has. */
function beginFirst(draft: FlowDraft, key: string, phases: readonly AroundPhase[]): boolean {
  const { flow } = draft.planOfIteration(key);
  const isForced = isEndedByForce(draft, draft.jobs.get(draft.iterations.get(key).job).scope);
  const next = isForced ? undefined : phases.find((phase) => aroundPlans(flow, phase).length > 0);
  if (next !== undefined) beginAround(draft, key, next);
  return next !== undefined;
}

/** A phase for which the run has no room is as if a job of it had failed. */
function beginAround(draft: FlowDraft, key: string, phase: AroundPhase): void {
  const job = draft.jobs.get(draft.iterations.get(key).job);
  if (!isFullFor(draft, job.scope, phase, aroundPlans(draft.planOf(job).flow, phase).length))
    openAround(draft, key, phase);
  else if (phase === 'before') finishMain(draft, key, OVER_LIMIT, TOO_MUCH_HELD);
  else {
    tellOfEnd(draft, key, OVER_LIMIT, TOO_MUCH_HELD);
    aroundEnded(draft, key, phase, ['failure']);
  }
}

function openAround(draft: FlowDraft, key: string, phase: AroundPhase): void {
  draft.iterations.update(key, { stage: { kind: 'around', phase }, ran: true });
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const { workflow, depth, loop, inputs, secrets, names } = draft.scopes.get(job.scope);
  const name = bareName(draft.planOf(job), { contexts: jobContexts(draft, job, iteration) });
  const source = { kind: 'around', iteration: key, phase } as const;
  const scope = { workflow, source, depth, loop, inputs, secrets, names: [...names, name, phase] };
  openScope(draft, `${key}@${phase}`, scope, null);
}

/** Everything of an iteration has ended: it jumps, or its dependants hear of it. */
export function endIteration(draft: FlowDraft, key: string): void {
  const iteration = draft.iterations.get(key);
  draft.iterations.update(key, { stage: { kind: 'ended' } });
  const { job: path, superseded } = iteration;
  const job = draft.jobs.get(path);
  if (superseded) {
    draft.jobs.update(path, { dying: job.dying - 1 });
    releaseSection(draft, path);
    draft.push({ kind: 'consider', job: path });
    return;
  }
  draft.jobs.update(path, { live: job.live - 1 });
  const outcome = countedEnd(draft, key, iteration.outcome ?? { conclusion: 'success', reason: null });
  const jump = iteration.fate === null ? jumpFrom(draft, key, outcome) : { kind: 'none' as const };
  if (jump.kind === 'jumped') {
    tellOfUnreported(draft, key, outcome);
    return;
  }
  const failed = jump.kind === 'failed' ? jump : failureAtEnd(draft, key, outcome);
  const ended = failed === null ? outcome : countedEnd(draft, key, failed.ended);
  if (failed !== null) tellOfEnd(draft, key, ended, failed.message);
  tellOfUnreported(draft, key, ended);
  concludeIteration(draft, key, ended);
}

/** How it fails where the run was stopped, or has no room for its arrivals; null where neither is so. */
function failureAtEnd(draft: FlowDraft, key: string, outcome: Ended): { ended: Ended; message: string | null } | null {
  const stopped = outcome.conclusion === 'cancelled' ? null : endingOfStopped(draft);
  if (stopped !== null) return { ended: OVER_LIMIT, message: stopped.message };
  const isToTell = outcome.conclusion === 'success' && draft.iterations.get(key).told === null;
  return isToTell && isOverfilled(draft, key, outcome) ? { ended: OVER_LIMIT, message: TOO_MUCH_HELD } : null;
}

function concludeIteration(draft: FlowDraft, key: string, ended: Ended): void {
  if (draft.iterations.get(key).outcome !== ended) draft.iterations.update(key, { outcome: ended });
  const iteration = draft.iterations.get(key);
  const { job: path } = iteration;
  const job = draft.jobs.get(path);
  draft.jobs.update(path, {
    soFar: worseOf(job.soFar, ended),
    ...(draft.planOf(job).kind === 'steps' ? {} : { outputs: { ...job.outputs, ...iteration.outputs } }),
  });
  const { flow } = draft.planOf(job);
  if (iteration.told === null) arrive(draft, key, ended, iteration.outputs);
  draft.push({ kind: 'consider', job: path });
  if (!flow) {
    if (ended.conclusion === 'failure') failRun(draft, path);
    return;
  }
  if (ended.conclusion === 'failure' && flow.failure === 'fail-run') failRun(draft, path);
  if (ended.conclusion !== 'success' || ended.reason === 'failure-ignored') return;
  if (flow.cancels?.on === 'success') cancelTargets(draft, key, flow.cancels.targets);
  if (flow.terminate !== null) terminateScope(draft, path, flow.terminate);
}

/** Dependants are told of a success before the end. */
export function tellEarly(draft: FlowDraft, key: string): void {
  const iteration = draft.iterations.get(key);
  if (iteration.told !== null) return;
  if (isOverfilled(draft, key, { conclusion: 'success', reason: null })) {
    draft.iterations.update(key, { fate: OVER_LIMIT });
    return;
  }
  draft.iterations.update(key, { told: 'success' });
  arrive(draft, key, { conclusion: 'success', reason: null }, iteration.outputs);
  passEarly(draft, iteration.job);
}

const RANK: readonly JobConclusion[] = ['failure', 'cancelled', 'success', 'withdrawn', 'skipped'];

function worseOf(one: Ended | null, other: Ended): Ended {
  if (one === null) return other;
  return RANK.indexOf(other.conclusion) < RANK.indexOf(one.conclusion) ? other : one;
}
