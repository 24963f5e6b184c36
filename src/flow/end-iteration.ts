import { evaluateCondition } from '../expressions/evaluate.ts';
import type { JobConclusion } from '../protocol/conclusion.ts';
import { arrive, spawnOf } from './arrive.ts';
import { failRun } from './cancel.ts';
import { resultOf } from './conclusions.ts';
import { bareName } from './display-name.ts';
import { aroundPlans, type FlowDraft } from './flow-draft.ts';
import type { AroundPhase, Ended, IterationState } from './flow-state.ts';
import { isEndedByForce, jobContexts } from './job-contexts.ts';
import { jumpFrom } from './jump.ts';
import { keptResult } from './kept-job.ts';
import { attempt } from './key-problem.ts';
import { releaseSection } from './locks.ts';
import { openMain } from './main-part.ts';
import { openScope } from './open-scope.ts';
import { claimRace } from './races.ts';
import { settleBody } from './settle-instance.ts';
import { announce, passEarly } from './settle-job.ts';
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
  else if (claimRace(draft, key)) openAround(draft, key, 'before');
}

/** The main part has come to its end. `message`: where that is not what a worker reported. */
export function finishMain(draft: FlowDraft, key: string, ended: Ended, message: string | null): void {
  const { flow } = draft.planOfIteration(key);
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
  const outcome: Ended =
    flow?.failure === 'ignore' && main.conclusion === 'failure'
      ? { conclusion: 'success', reason: 'failure-ignored' }
      : main;
  draft.iterations.update(key, { main, outcome });
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
  const failed: Ended = { conclusion: 'failure', reason: null };
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
        draft.iterations.update(key, { main: failed, outcome: { conclusion: worst, reason: null } });
        goOn(draft, key, [worst === 'failure' ? 'on-failure' : 'on-cancel', 'finally']);
      }
      return;
    case 'after':
      if (worst === 'failure' || worst === 'cancelled')
        draft.iterations.update(key, { outcome: { conclusion: worst, reason: null } });
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
      goOn(draft, key, ['finally']);
      return;
    case 'finally':
      if (worst === 'failure' && iteration.outcome?.conclusion === 'success')
        draft.iterations.update(key, { outcome: failed });
      goOn(draft, key, []);
  }
}

function goOn(draft: FlowDraft, key: string, phases: readonly AroundPhase[]): void {
  const { flow } = draft.planOfIteration(key);
  const isForced = isEndedByForce(draft, draft.jobs.get(draft.iterations.get(key).job).scope);
  const next = isForced ? undefined : phases.find((phase) => aroundPlans(flow, phase).length > 0);
  if (next !== undefined) openAround(draft, key, next);
  else if (flow?.stage && flow.stage.delayAfterMs > 0 && keptResult(draft, key) === null) {
    draft.iterations.update(key, { stage: { kind: 'delay-after' } });
    draft.commands.push({ kind: 'set-timer', id: `${key}/after`, afterMs: flow.stage.delayAfterMs, at: null });
  } else endIteration(draft, key);
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
  const outcome = iteration.outcome ?? { conclusion: 'success', reason: null };
  const jump = iteration.fate === null ? jumpFrom(draft, key, outcome) : { kind: 'none' as const };
  if (jump.kind === 'jumped') {
    tellOfUnreported(draft, key, outcome);
    return;
  }
  const ended = jump.kind === 'failed' ? jump.ended : outcome;
  if (jump.kind === 'failed') tellOfEnd(draft, key, ended, jump.message);
  tellOfUnreported(draft, key, ended);
  concludeIteration(draft, key, ended);
}

/** Nobody reports of gates and loops, and of what has not come to its instances. */
function tellOfUnreported(draft: FlowDraft, key: string, ended: Ended): void {
  const { kind } = draft.planOfIteration(key);
  const { announced, instances, job } = draft.iterations.get(key);
  const isBodiless = kind === 'gate' || kind === 'loop';
  if (announced || (!isBodiless && instances.length > 0)) return;
  const message =
    !isBodiless && ended.conclusion === 'failure' ? 'It has not begun, since a job before it has not succeeded.' : null;
  announce(draft, key, job, { ...ended, message });
}

function concludeIteration(draft: FlowDraft, key: string, ended: Ended): void {
  draft.iterations.update(key, { outcome: ended });
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
  draft.iterations.update(key, { told: 'success' });
  arrive(draft, key, { conclusion: 'success', reason: null }, iteration.outputs);
  passEarly(draft, iteration.job);
}

/** A success that chooses nobody is none. */
function chosen(draft: FlowDraft, key: string, ended: Ended): Ended {
  if (ended.conclusion !== 'success') return ended;
  const spawn = spawnOf(draft, key);
  if (spawn.kind === 'problem') {
    const failed: Ended = { conclusion: 'failure', reason: 'condition-error' };
    tellOfEnd(draft, key, failed, spawn.message);
    return failed;
  }
  const choose = draft.planOfIteration(key).flow?.choose ?? null;
  if (choose === null) return ended;
  const taken = branchesOf(draft, key);
  const takes = taken.kind === 'value' ? taken.value : [];
  const named = [...choose.branches.map(({ job }) => job), ...(choose.default === null ? [] : [choose.default])];
  leaveOut(
    draft,
    key,
    named.filter((id) => !takes.includes(id)),
  );
  if (takes.length > 0) return ended;
  const message =
    taken.kind === 'problem' ? taken.message : 'No condition of its `branches` is true, and there is no `default`.';
  const failed: Ended = { conclusion: 'failure', reason: 'choice' };
  tellOfEnd(draft, key, failed, message);
  return failed;
}

function branchesOf(draft: FlowDraft, key: string) {
  const iteration = draft.iterations.get(key);
  const job = draft.jobs.get(iteration.job);
  const choose = draft.planOf(job).flow?.choose;
  const contexts = { ...jobContexts(draft, job, iteration), outputs: iteration.outputs, result: 'success' };
  const status = { success: true, failure: false, cancelled: false };
  return attempt((): readonly string[] => {
    const holding: string[] = [];
    for (const branch of choose?.branches ?? []) {
      if (choose?.mode === 'one' && holding.length > 0) break;
      if (evaluateCondition(branch.if, { contexts, status })) holding.push(branch.job);
    }
    if (holding.length > 0) return holding;
    return choose?.default != null ? [choose.default] : [];
  });
}

/** Remembers at the dependants that this job did not choose them. */
function leaveOut(draft: FlowDraft, key: string, untaken: readonly string[]): void {
  const { job: path } = draft.iterations.get(key);
  const ids = new Set(untaken.map((id) => id.toLowerCase()));
  for (const dependant of draft.jobs.get(path).dependants) {
    const other = draft.jobs.get(dependant);
    const without = other.untaken.filter((need) => need !== path);
    const isLeftOut = ids.has(other.id.toLowerCase());
    if (isLeftOut || without.length < other.untaken.length)
      draft.jobs.update(dependant, { untaken: isLeftOut ? [...without, path] : without });
  }
}

/** The host hears of an end that no worker reported. */
export function tellOfEnd(draft: FlowDraft, key: string, ended: Ended, message: string | null): void {
  const iteration = draft.iterations.get(key);
  const [only] = iteration.instances;
  const instance = only === undefined || iteration.instances.length > 1 ? null : draft.instances.get(only);
  const status = instance === null || instance.settings.kind === 'body' ? null : instance.status;
  if (only !== undefined && status !== null) {
    const { attempt: attempts } = draft.instances.get(only);
    draft.commands.push({ kind: 'job-concluded', key: lastKey(only, iteration, attempts), ...ended, message });
    draft.instances.update(only, { status: { kind: 'settled', ...ended } });
  } else announce(draft, key, iteration.job, { ...ended, message });
}

function lastKey(instance: string, { number }: IterationState, attempts: number): string {
  return attempts === 1 ? instance : number === 1 ? `${instance}~r${attempts}` : `${instance}r${attempts}`;
}

const RANK: readonly JobConclusion[] = ['failure', 'cancelled', 'success', 'withdrawn', 'skipped'];

function worseOf(one: Ended | null, other: Ended): Ended {
  if (one === null) return other;
  return RANK.indexOf(other.conclusion) < RANK.indexOf(one.conclusion) ? other : one;
}
