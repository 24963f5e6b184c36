import type { JoinPlan } from '../protocol/flow-plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { Arrival, JobState, RoundState } from './job-state.ts';

/**
 * What has come to jobs that begin more than once, and was not used yet. The k-th arrivals of all needs make up round k;
 * for `each`, the next `batch` arrivals do, whoever they are of. An arrival touches one round, and no need but its own: it
 * costs the same however many there are.
 */

/** @param need Of which the arrival is: a job that the other needs. */
export function addArrival(draft: FlowDraft, path: string, join: JoinPlan, need: JobState, arrival: Arrival): void {
  const { arrivals: queue } = draft.jobs.get(path);
  const from = arrival.need;
  let number: number;
  if (join.mode === 'each') number = roundOf(draft, path, queue.last).came < join.batch ? queue.last : queue.last + 1;
  else {
    const before = draft.delivered.find(deliveryKey(path, from)) ?? 0;
    // What comes of a need that has missed a round is for the one that goes on.
    number = Math.max(before + 1, queue.round);
    draft.delivered.set(deliveryKey(path, from), number);
    // It was not expected any more, and now it is gone from the round after this one.
    if (need.told) {
      missFrom(draft, path, before + 1, -1);
      missFrom(draft, path, number + 1, 1);
    }
  }
  const round = roundOf(draft, path, number);
  draft.arrivals.set(arrivalKey(path, number, round.came), arrival);
  draft.rounds.set(roundKey(path, number), {
    ...round,
    came: round.came + 1,
    good: round.good + (arrival.isSuccess ? 1 : 0),
  });
  if (number > queue.last) draft.jobs.update(path, { arrivals: { ...draft.jobs.get(path).arrivals, last: number } });
}

/** A need has ended: no other arrival of it can come. */
export function needEnded(draft: FlowDraft, path: string, need: string): void {
  missFrom(draft, path, (draft.delivered.find(deliveryKey(path, need)) ?? 0) + 1, 1);
}

/** What the next iteration is begun by; null when there is not enough yet. Taken once. */
export function takeRound(draft: FlowDraft, path: string, join: JoinPlan): readonly Arrival[] | null {
  for (;;) {
    const job = draft.jobs.get(path);
    const { round: number, isFired, gone } = job.arrivals;
    const { came, good } = roundOf(draft, path, number);
    if (came === 0) return null;
    if (join.mode === 'count') {
      if (!isFired && good >= join.count) {
        draft.jobs.update(path, { arrivals: { ...job.arrivals, isFired: true } });
        return arrivalsOf(draft, path, number, came);
      }
      // The round is over when nothing of it can come any more.
      if (came + gone < countNeeds(draft, job)) return null;
      dropRound(draft, path, number);
      continue;
    }
    if (came < (join.mode === 'each' ? join.batch : countNeeds(draft, job))) return null;
    const arrivals = arrivalsOf(draft, path, number, came);
    dropRound(draft, path, number);
    return arrivals;
  }
}

/** The job begins anew: what has come to it is forgotten. */
export function forgetRounds(draft: FlowDraft, path: string): void {
  const { needs, arrivals: queue } = draft.jobs.get(path);
  for (let number = queue.round; number <= queue.last + 1; number++) {
    const { came } = roundOf(draft, path, number);
    for (let index = 0; index < came; index++) draft.arrivals.delete(arrivalKey(path, number, index));
    draft.rounds.delete(roundKey(path, number));
  }
  for (const need of needs) if (need.path !== null) draft.delivered.delete(deliveryKey(path, need.path));
  draft.jobs.update(path, { arrivals: NO_ARRIVALS });
}

/** Needs of the job may have begun anew: counts who has ended again. */
export function recountRounds(draft: FlowDraft, path: string): void {
  const { needs, arrivals: queue } = draft.jobs.get(path);
  for (let number = queue.round; number <= queue.last + 1; number++) {
    const round = draft.rounds.find(roundKey(path, number));
    if (round !== null) draft.rounds.set(roundKey(path, number), { ...round, gone: 0 });
  }
  draft.jobs.update(path, { arrivals: { ...queue, gone: 0 } });
  for (const need of needs) {
    const other = need.path === null ? null : draft.jobs.get(need.path);
    if (need.path !== null && other !== null && (other.phase === 'settled' || other.told))
      needEnded(draft, path, need.path);
  }
}

export const NO_ARRIVALS: JobState['arrivals'] = { round: 1, last: 1, isFired: false, gone: 0 };

const NOTHING: RoundState = { came: 0, good: 0, gone: 0 };

/** So many more needs bring nothing to this round, and to those after it. */
function missFrom(draft: FlowDraft, path: string, number: number, more: number): void {
  const { arrivals: queue } = draft.jobs.get(path);
  if (number <= queue.round) draft.jobs.update(path, { arrivals: { ...queue, gone: queue.gone + more } });
  else {
    const round = roundOf(draft, path, number);
    draft.rounds.set(roundKey(path, number), { ...round, gone: round.gone + more });
  }
}

function dropRound(draft: FlowDraft, path: string, number: number): void {
  const { came } = roundOf(draft, path, number);
  for (let index = 0; index < came; index++) draft.arrivals.delete(arrivalKey(path, number, index));
  draft.rounds.delete(roundKey(path, number));
  const { arrivals: queue } = draft.jobs.get(path);
  const next = roundOf(draft, path, number + 1);
  draft.jobs.update(path, {
    arrivals: {
      round: number + 1,
      last: Math.max(queue.last, number + 1),
      isFired: false,
      gone: queue.gone + next.gone,
    },
  });
}

function arrivalsOf(draft: FlowDraft, path: string, number: number, came: number): readonly Arrival[] {
  return Array.from({ length: came }, (_, index) => draft.arrivals.get(arrivalKey(path, number, index)));
}

function roundOf(draft: FlowDraft, path: string, number: number): RoundState {
  return draft.rounds.find(roundKey(path, number)) ?? NOTHING;
}

/** Only the options leave jobs out. */
function countNeeds(draft: FlowDraft, { needs }: JobState): number {
  return draft.input.options.job === null ? needs.length : needs.filter(({ path }) => path !== null).length;
}

function roundKey(path: string, number: number): string {
  return `${path} ${number}`;
}

function arrivalKey(path: string, number: number, index: number): string {
  return `${path} ${number} ${index}`;
}

function deliveryKey(path: string, need: string): string {
  return `${path} ${need}`;
}
