import type { StagePlan } from '../../src/protocol/flow-plan.ts';
import { duration } from './translate-flow.ts';
import { CaseProblem, isMap, plainName, said } from './fields.ts';

interface Staged {
  readonly id: string;
  readonly stage: number;
  readonly until: number | null;
  readonly before: number;
  readonly after: number;
}

/**
 * What `stage` and `run_until_stage` of the jobs of a list come to, by id. A job with needs is outside of the stages; one
 * without a stage has its position. `always`: also when no job says a stage.
 */
export function readStages(
  jobs: readonly Readonly<Record<string, unknown>>[],
  id: (written: string) => string,
  { always, tolerant }: { readonly always: boolean; readonly tolerant: boolean },
): Map<string, StagePlan> {
  const members = jobs.map((job) => new Map(Object.entries(job).map(([name, value]) => [plainName(name), value])));
  const delays = (job: ReadonlyMap<string, unknown>): boolean => job.has('delaybefore') || job.has('delayafter');
  if (!always && !members.some((job) => job.has('stage'))) {
    const plain = members.filter(delays).map((job, index) => readOne(job, index, id));
    return new Map(plain.map((job) => [job.id, planOf(job, [], [], tolerant)]));
  }
  const staged = members.flatMap((job, index) => (job.has('needs') ? [] : [readOne(job, index, id)]));
  const numbers = new Set(staged.map(({ stage }) => stage));
  const waits = new Map(staged.map((job) => [job.id, staged.filter((other) => isBefore(other, job, numbers))]));
  return new Map(
    staged.map((job) => {
      const all = waits.get(job.id) ?? [];
      const implied = new Set(all.flatMap((other) => (waits.get(other.id) ?? []).map((before) => before.id)));
      const lower = staged.filter(({ stage }) => stage < job.stage && !numbersBetween(numbers, stage, job.stage));
      const waitsFor = all.map((other) => other.id).filter((other) => !implied.has(other));
      const startsAfter = lower.map((other) => other.id).filter((other) => !waitsFor.includes(other));
      return [job.id, planOf(job, waitsFor, startsAfter, tolerant)];
    }),
  );
}

function isBefore(other: Staged, job: Staged, numbers: ReadonlySet<number>): boolean {
  if (other.stage >= job.stage) return false;
  if (other.until === null) return true;
  return numbers.has(other.until) && other.stage < other.until && other.until <= job.stage;
}

function numbersBetween(numbers: ReadonlySet<number>, from: number, to: number): boolean {
  return [...numbers].some((number) => number > from && number < to);
}

function readOne(job: ReadonlyMap<string, unknown>, index: number, id: (written: string) => string): Staged {
  const number = (name: string): number | null => {
    const value = job.get(name);
    if (value === undefined || value === null || typeof value === 'number') return value ?? null;
    throw new CaseProblem(`${name} has to be a number, not ${said(value)}`);
  };
  return {
    id: id(String(job.get('id'))),
    stage: number('stage') ?? index,
    until: number('rununtilstage'),
    before: duration(job.get('delaybefore'), 0),
    after: duration(job.get('delayafter'), 0),
  };
}

function planOf(
  { stage, before, after }: Staged,
  waitsFor: readonly string[],
  startsAfter: readonly string[],
  tolerant: boolean,
): StagePlan {
  return { number: stage, waitsFor, startsAfter, tolerant, delayBeforeMs: before, delayAfterMs: after };
}

export function isListOfJobs(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isMap);
}
