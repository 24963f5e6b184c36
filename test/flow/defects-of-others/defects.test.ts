/** What other engines of the 43 patterns got wrong, as tests that it goes right here: docs/flow-defects.md. */
import { describe, expect, it } from '@jest/globals';
import { reduce, start } from '../../../src/flow/reduce.ts';
import { Table } from '../../../src/flow/table.ts';
import { parseWorkflow } from '../../../src/workflow/parse-workflow.ts';
import { MemoryHost } from '../../flow-cases/memory-host.ts';
import { type CaseMode, runCase } from '../../flow-cases/run-case.ts';
import { begin } from '../flow-driver.ts';
import { keys, withPlans } from '../flow-keys.ts';
import { input, workflow } from '../plans.ts';
import { DEFECT_CASES } from './defect-cases.ts';

const MODES: readonly CaseMode[] = [
  { deliver: 'once', crash: 'never' },
  { deliver: 'twice', crash: 'never' },
  { deliver: 'once', crash: 'each-commit' },
];

describe('where other engines have gone wrong', () => {
  it.each(Object.entries(DEFECT_CASES))('%s', async (id, body) => {
    for (const mode of MODES) {
      const differences = await runCase({ id, body }, mode, (agents, troubles) => new MemoryHost(agents, troubles));
      expect([mode, differences]).toEqual([mode, []]);
    }
  });

  it('a job that cannot be begun fails, and the run ends', () => {
    const plan = workflow({ a: { flow: keys({ startAt: 'soon' }) }, b: { needs: ['a'] } });
    expect(begin(input(plan)).first).toEqual(['failure a', 'skipped b', 'run failure']);
  });

  it('a jump to nowhere fails the job that makes it, and the run ends', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'] } })));
    expect(flow.finish('a', { goto: { target: '', with: {} } })).toEqual(['job-concluded', 'skipped b', 'run failure']);
  });

  it('a run that is paused while its last job runs ends with it', () => {
    const { flow } = begin(input(workflow({ a: {} })));
    flow.ask({ kind: 'pause' });
    expect(flow.complete('a')).toEqual(['run success']);
  });

  it('a run that is resumed before anything was held back goes on', () => {
    const { flow } = begin(input(workflow({ a: {}, b: { needs: ['a'] } })));
    flow.ask({ kind: 'pause' });
    flow.ask({ kind: 'resume' });
    expect(flow.complete('a')).toEqual(['start b']);
  });

  it('the number of instances may come from an output of the run', () => {
    const instances = { instances: '${{ needs.a.outputs.n }}', dynamic: false, sync: true, completeWhen: null };
    const { flow } = begin(input(workflow({ a: {}, p: { needs: ['a'], strategy: { multiple: instances } } })));
    expect(flow.complete('a', 'success', { n: '2' })).toEqual(['start p.1', 'start p.2']);
  });

  it('a condition that cannot be evaluated fails its job, of a branch and of a choice alike', () => {
    const broken = "fromJSON('broken')";
    const choose = { mode: 'many' as const, branches: [{ job: 'b', if: broken }], default: 'b' };
    const { flow, first } = begin(
      input(workflow({ i: { if: broken }, a: { flow: keys({ choose }) }, b: { needs: ['a'], if: 'always()' } })),
    );
    expect(first).toEqual(['failure i', 'start a']);
    expect(flow.complete('a')).toEqual(['job-concluded', 'skipped b', 'run failure']);
  });

  it('a choice of none fails loudly', () => {
    const choose = { mode: 'one' as const, branches: [{ job: 'b', if: 'false' }], default: null };
    const { flow } = begin(input(workflow({ a: { flow: keys({ choose }) }, b: { needs: ['a'] } })));
    expect(flow.complete('a')).toEqual(['job-concluded', 'skipped b', 'run failure']);
  });

  it('a count that cannot be reached is an error of the file', () => {
    const job = 'runs-on: x, steps: [{ run: x }]';
    const text = `on: push\njobs: { a: { ${job} }, b: { needs: a, join: { count: 2 }, ${job} } }\n`;
    expect(parseWorkflow(text, 'w.yml').diagnostics.map(({ severity }) => severity)).toEqual(['error']);
  });

  it('a state that does not exist is an error of the file', () => {
    const job = 'runs-on: x, steps: [{ run: x }]';
    const text = `on: push\njobs: { a: { ${job} }, b: { milestone: { job: a, state: begun }, ${job} } }\n`;
    expect(parseWorkflow(text, 'w.yml').diagnostics.map(({ severity }) => severity)).toEqual(['error']);
  });

  it('two runs in one process know nothing of each other', () => {
    const plan = input(workflow({ a: { concurrency: 'g' }, b: { needs: ['a'], flow: keys({ race: 'r' }) } }));
    const ended = (key: string) =>
      ({ kind: 'job-completed', key, conclusion: 'success', reason: null, outputs: {} }) as const;
    const granted = { kind: 'group-granted', key: 'a', group: 'g' } as const;
    const events = [granted, ended('a'), ended('b')];
    let alone = start(plan);
    const apart = [alone, ...events.map((event) => (alone = reduce(alone.state, event)))];
    let [one, other] = [start(plan), start(plan)];
    const together = [[one, other], ...events.map((event) => [(one = reduce(one.state, event)), (other = reduce(other.state, event))])]; // prettier-ignore
    expect(together).toEqual(apart.map((step) => [step, step]));
  });

  it('a lock passes on with the event that frees it, to who waited longest', () => {
    const job = { concurrency: { group: 'm', cancelInProgress: null, scope: 'run' as const } };
    const { flow } = begin(input(workflow({ a: job, b: job, c: job })));
    expect(flow.complete('a')).toEqual(['start b']);
    expect(flow.complete('b')).toEqual(['start c']);
    expect(flow.timers.size).toBe(0);
  });

  it('what may start at the same time starts in the order in which it is declared', () => {
    const ids = Array.from({ length: 40 }, (_, index) => `j${(index * 7) % 40}`);
    const { first } = begin(input(workflow(Object.fromEntries(ids.map((id) => [id, {}])))));
    expect(first).toEqual(ids.map((id) => `start ${id}`));
  });

  it.each(['chain', 'fan', 'each', 'keep', 'queue'] as const)(
    'the work for a job of a %s does not grow with the run',
    (shape) => {
      const [few, many] = [100, 1_500].map((jobs) => readsOf(shape, jobs) / jobs) as [number, number];
      // A little of it is for the run, whatever its size.
      expect(many).toBeLessThan(few * 1.05);
    },
  );

  it('a job takes two commits: its start and its end', async () => {
    const jobs = Array.from({ length: 10 }, (_, index) => ({
      id: `j${index}`,
      needs: index === 0 ? [] : [`j${index - 1}`],
    }));
    let commits = 0;
    const counts = (
      agents: ConstructorParameters<typeof MemoryHost>[0],
      troubles: ConstructorParameters<typeof MemoryHost>[1],
    ) => {
      const host = new MemoryHost(agents, troubles);
      const close = host.close.bind(host);
      host.close = () => ((commits = host.commits), close());
      return host;
    };
    expect(await runCase({ id: 'x', body: { jobs, expect: { run: 'success' } } }, MODES[0]!, counts)).toEqual([]);
    expect(commits).toBe(1 + 2 * jobs.length);
  });
});

const JOINS = {
  each: { mode: 'each', batch: 1 },
  keep: { mode: 'all', keep: true },
  queue: { mode: 'count', count: 2, late: 'queue', countIgnoredFailures: false },
} as const;

/** How many entries of the state are looked up until the run is over. */
function readsOf(shape: 'chain' | 'fan' | keyof typeof JOINS, jobs: number): number {
  const ids = Array.from({ length: jobs }, (_, index) => `j${index}`);
  const needs = (index: number): string[] => {
    if (shape === 'chain') return ids.slice(Math.max(index - 1, 0), index);
    return index === jobs - 1 ? ids.slice(1, -1) : ids.slice(0, Math.min(index, 1));
  };
  const flow = (index: number): object =>
    index === jobs - 1 && shape in JOINS ? { flow: keys({ join: JOINS[shape as keyof typeof JOINS] }) } : {};
  const plan = withPlans(Object.fromEntries(ids.map((id, index) => [id, { needs: needs(index), ...flow(index) }])));
  const find = Reflect.get(Table.prototype, 'find') as (key: string) => unknown;
  let reads = 0;
  const counting = function (this: object, key: string): unknown {
    reads += 1;
    return Reflect.apply(find, this, [key]);
  };
  Reflect.set(Table.prototype, 'find', counting);
  try {
    let { state, commands } = start(input(plan));
    const queue = [...commands];
    for (const command of queue) {
      if (command.kind !== 'start-job') continue;
      const event = {
        kind: 'job-completed',
        key: command.key,
        conclusion: 'success',
        reason: null,
        outputs: {},
      } as const;
      ({ state, commands } = reduce(state, event));
      queue.push(...commands);
    }
    expect(state.conclusion).toBe('success');
    return reads;
  } finally {
    Reflect.set(Table.prototype, 'find', find);
  }
}
