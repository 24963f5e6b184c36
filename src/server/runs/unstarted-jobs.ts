import { bareName } from '../../flow/display-name.ts';
import { FlowDraft } from '../../flow/flow-draft.ts';
import { keySuffix } from '../../flow/key-suffix.ts';
import type { FlowState } from '../../flow/flow-state.ts';
import type { InstanceState } from '../../flow/instance-state.ts';
import type { IterationState } from '../../flow/iteration-state.ts';
import type { JobState } from '../../flow/job-state.ts';
import { selectJobs } from '../../flow/select-jobs.ts';
import type { Table } from '../../flow/table.ts';
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
  const draft = new FlowDraft(state);
  const groups = await groupWaits(context, run.id);
  const held = new Set(state.paused?.held);
  const viewOf = (key: string, path: string, name: string | null, waiting: string): JobView => {
    const job = draft.jobs.get(path);
    const { names } = draft.scopes.get(job.scope);
    const own = name ?? bareName(draft.planOf(job), { contexts: {} });
    return view({ key, id: path, name: [...names, own].join(' / '), job, waiting });
  };
  const pending = draft.jobs
    .entries()
    .flatMap(([path, job]) =>
      job.phase === 'pending' ? [viewOf(path, path, null, needsSentence(job, draft.jobs))] : [],
    );
  const gates = [...held].flatMap((key) => {
    const iteration = draft.instances.find(key) === null ? draft.iterations.find(key) : null;
    return iteration === null ? [] : [viewOf(key, iteration.job, null, PAUSED)];
  });
  const instances = draft.instances.entries().flatMap(([key, instance]): JobView[] => {
    const waiting = held.has(key) ? PAUSED : waitOf(key, instance, draft.iterations, groups);
    if (waiting === null) return [];
    return [{ ...viewOf(key, instance.job, instance.name, waiting), ...instanceOf(instance) }];
  });
  return [...pending, ...gates, ...instances];
}

const PAUSED = 'the run is paused';

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
