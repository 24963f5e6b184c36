import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FlowEvent } from '../../src/flow/flow-event.ts';
import { reduce, start } from '../../src/flow/reduce.ts';
import type { JobConclusion } from '../../src/protocol/conclusion.ts';
import type { JsonMap } from '../../src/protocol/job-message.ts';
import { toText } from '../../src/expressions/evaluate.ts';
import { Table } from '../../src/flow/table.ts';
import { FlowDriver } from './flow-driver.ts';
import { input, workflow } from './plans.ts';
import { type Happening, jobs, runs, steps } from './random-runs.ts';

/** More than any of these runs can take. */
const ENOUGH = 5_000;

describe('whatever happens', () => {
  it('every run ends, every job ends once, and no limit is exceeded', () => {
    fc.assert(
      fc.property(runs, steps, (run, script) => {
        const flow = new FlowDriver(run);
        for (let step = 0; !flow.isOver && step < ENOUGH; step++) {
          const { pick, conclusion, cancel } = script[step % script.length]!;
          holdLimits(flow);
          if (cancel !== 'no') flow.cancel(cancel === 'force');
          const keys = [...flow.running.keys()];
          if (keys.length > 0) flow.complete(keys[pick % keys.length]!, conclusion);
          else expect(flow.conclusion).not.toBeNull();
        }
        expect(flow.conclusion).not.toBeNull();
        expect(flow.running.size).toBe(0);
        for (const [, job] of new Table(flow.state.jobs).entries()) {
          expect(job.phase).toBe('settled');
          expect(job.waiting).toBe(0);
        }
        expect(flow.groups.held).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('a run after force starts nothing', () => {
    fc.assert(
      fc.property(runs, steps, fc.nat(6), (run, script, before) => {
        const flow = new FlowDriver(run);
        let step = 0;
        for (; !flow.isOver && step < before; step++) finishOne(flow, script[step]!);
        if (flow.isOver) return;
        flow.cancel(true);
        const started = flow.started.size;
        for (; !flow.isOver; step++) finishOne(flow, script[step % script.length]!);
        expect(flow.started.size).toBe(started);
      }),
      { numRuns: 100 },
    );
  });

  it('the order in which independent jobs end decides nothing but the order', () => {
    // Without groups, limits and cancelling, what becomes of each job is a matter of results alone.
    const plain = jobs([]).map((sketches) =>
      Object.fromEntries(
        Object.entries(sketches).map(([id, { needs, if: condition }]) => [
          id,
          { needs: needs ?? [], if: condition ?? null },
        ]),
      ),
    );
    fc.assert(
      fc.property(
        plain,
        fc.array(fc.constantFrom<JobConclusion>('success', 'failure'), { minLength: 8, maxLength: 8 }),
        (sketches, results) => {
          const play = (last: boolean): [string, JobConclusion][] => {
            const flow = new FlowDriver(input(workflow(sketches)));
            while (!flow.isOver) {
              const key = [...flow.running.keys()].at(last ? -1 : 0)!;
              flow.complete(key, results[Number(key.slice(1))]);
            }
            return [...flow.ended, ['run', flow.conclusion!] as [string, JobConclusion]].sort(([a], [b]) =>
              a.localeCompare(b),
            );
          };
          expect(play(true)).toEqual(play(false));
        },
      ),
    );
  });

  it('events that mean nothing change nothing', () => {
    fc.assert(
      fc.property(runs, fc.string(), fc.constantFrom<JobConclusion>('success', 'failure'), (run, key, conclusion) => {
        const { state, commands } = start(run);
        const started = commands.some((command) => command.kind === 'start-job' && command.key === key);
        fc.pre(!started);
        const event: FlowEvent = { kind: 'job-completed', key, conclusion, reason: null, outputs: {} };
        expect(reduce(state, event)).toEqual({ state, commands: [], refused: null });
      }),
    );
  });
});

function finishOne(flow: FlowDriver, { pick, conclusion }: Happening): void {
  const keys = [...flow.running.keys()];
  flow.complete(keys[pick % keys.length]!, conclusion);
}

/** At most one running job in a group, and never more instances of a job than `max-parallel`. */
function holdLimits(flow: FlowDriver): void {
  const groups: string[] = [];
  const instances = new Map<string, number>();
  for (const job of flow.running.values()) {
    instances.set(job.id, (instances.get(job.id) ?? 0) + 1);
    expect(instances.get(job.id)).toBeLessThanOrEqual(job.contexts.strategy['max-parallel'] as number);
    const group = job.plan.concurrency?.group;
    if (typeof group === 'string') groups.push(group === 'g' || group === 'h' ? group : nameOf(job.contexts.matrix));
  }
  expect(new Set(groups).size).toBe(groups.length);
}

function nameOf(matrix: JsonMap | null): string {
  return toText(matrix?.['n'] ?? 'g');
}
