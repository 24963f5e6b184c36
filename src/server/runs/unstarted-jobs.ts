import { bareName } from '../../flow/display-name.ts';
import { keySuffix } from '../../flow/key-suffix.ts';
import type { FlowState } from '../../flow/flow-state.ts';
import type { InstanceState } from '../../flow/instance-state.ts';
import type { IterationState } from '../../flow/iteration-state.ts';
import type { JobState } from '../../flow/job-state.ts';
import { selectJobs } from '../../flow/select-jobs.ts';
import { Table } from '../../flow/table.ts';
import type { JobView } from '../../protocol/run-api.ts';
import type { OperationContext } from '../operation.ts';
import { waitersBesideHolders, waitSentence, waitSentences } from './group-waits.ts';
import type { RunRow } from './run-row.ts';
import { stateOf } from './run-state.ts';

/** Jobs of an open run that have no rows yet, each with the reason why it waits. */
export async function unstartedJobs(context: OperationContext, run: RunRow): Promise<JobView[]> {
  const state = await stateOf(context, run);
  // Held back as a whole: the run says why.
  if (state.jobs.size === 0) return declaredJobs(state);
  const jobs = new Table(state.jobs);
  const scopes = new Table(state.scopes);
  const groups = await groupWaits(context, run.id);
  const pending = jobs.entries().flatMap(([path, job]): JobView[] => {
    if (job.phase !== 'pending') return [];
    const { workflow, names } = scopes.get(job.scope);
    const plan = state.input.workflows[workflow]?.jobs[job.index];
    const name = plan ? bareName(plan, { contexts: {} }) : job.id;
    return [view({ key: path, id: path, name: [...names, name].join(' / '), job, waiting: needsSentence(job, jobs) })];
  });
  const instances = new Table(state.instances).entries().flatMap(([key, instance]): JobView[] => {
    const waiting = waitOf(key, instance, new Table(state.iterations), groups);
    if (waiting === null) return [];
    const job = jobs.get(instance.job);
    const name = [...scopes.get(job.scope).names, instance.name].join(' / ');
    return [{ ...view({ key, id: instance.job, name, job, waiting }), ...instanceOf(instance) }];
  });
  return [...pending, ...instances];
}

function declaredJobs({ input }: FlowState): JobView[] {
  const selected = selectJobs(input);
  return (input.workflows[0]?.jobs ?? [])
    .filter(({ id }) => selected.has(id.toLowerCase()))
    .map((plan) => ({
      ...view({
        key: plan.id,
        id: plan.id,
        name: bareName(plan, { contexts: {} }),
        job: null,
        waiting: 'the run waits',
      }),
      needs: [...plan.needs],
    }));
}

function view({
  key,
  id,
  name,
  job,
  waiting,
}: {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly job: JobState | null;
  readonly waiting: string;
}): JobView {
  return {
    key,
    id,
    name,
    instance: 0,
    matrix: null,
    needs: job?.needs.map((need) => need.id) ?? [],
    iteration: keySuffix(key).iteration,
    state: 'waiting',
    waiting,
    waitsFor: null,
    conclusion: null,
    reason: null,
    message: null,
    outputs: {},
    attempt: 0,
    attemptId: null,
    attemptState: null,
    runner: null,
    labels: [],
    queuedAt: null,
    startedAt: null,
    completedAt: null,
    steps: [],
  };
}

function instanceOf({ number, matrix, settings }: InstanceState): Pick<JobView, 'instance' | 'matrix' | 'labels'> {
  return {
    instance: number,
    matrix,
    labels: settings.kind === 'steps' ? [...settings.runsOn.labels] : [],
  };
}

function needsSentence({ needs }: JobState, jobs: Table<JobState>): string {
  const open = needs.filter(({ path }) => path !== null && jobs.get(path).phase !== 'settled');
  return `needs ${open.map(({ id }) => id).join(', ')}`;
}

function waitOf(
  key: string,
  { status, iteration, settings, groupsHeld }: InstanceState,
  iterations: Table<IterationState>,
  groups: ReadonlyMap<string, string>,
): string | null {
  if (status.kind === 'waiting') {
    const { maxParallel } = iterations.get(iteration).strategy;
    return `max-parallel allows ${maxParallel ?? 'no more'} at a time`;
  }
  if (status.kind !== 'launching') return null;
  const group = settings.groups[groupsHeld]?.group ?? '';
  return groups.get(`${key}\n${group}`) ?? waitSentence(group, []);
}

/** By key and group. */
async function groupWaits({ db }: OperationContext, run: number): Promise<ReadonlyMap<string, string>> {
  const rows = await waitersBesideHolders(db)
    .select(['waiter.key', 'waiter.name', 'holder.run_id as run'])
    .where('waiter.run_id', '=', run)
    .orderBy('holder.position')
    .execute();
  return waitSentences(rows, ({ key, name }) => `${key}\n${name}`);
}
