import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ShownFlow } from '../../../src/flow/show-flow.ts';
import { NO_TROUBLE, type Troubles } from '../case-host.ts';
import type { FlowCase } from '../case-file.ts';
import { readKey } from '../job-name.ts';
import { MemoryHost } from '../memory-host.ts';
import { translateCase, type TranslatedCase } from '../translate-case.ts';
import { World } from '../world.ts';
import { cases } from './random-cases.ts';
import { joins } from './random-joins.ts';
import { races } from './random-races.ts';

/** Signals that are sent at most to a run that waits for one: its jobs may be begun again and again. */
const MAX_SIGNALS = 200;
const FINAL = ['success', 'failure', 'failure-ignored', 'skipped', 'cancelled', 'withdrawn'];

describe('whatever the keys and the order of events', () => {
  it('every run ends, and every job of it has a final status', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const { shown, world } = await play(one);
        expect(['success', 'failure', 'cancelled']).toContain(shown.run);
        for (const { path, status, instances } of shown.jobs) {
          expect([path, FINAL.includes(status) ? 'final' : status]).toEqual([path, 'final']);
          for (const { key, status } of instances)
            expect([key, FINAL.includes(status) ? 'final' : status]).toEqual([key, 'final']);
        }
        const end = world.runs[0]?.ended ?? -1;
        for (const body of world.bodies) expect(body.end?.order ?? Infinity).toBeLessThan(end);
      }),
      { numRuns: 250 },
    );
  });

  it('the same order of events makes the same run', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        expect(record(await play(one))).toEqual(record(await play(one)));
      }),
      { numRuns: 60 },
    );
  });

  it('what is delivered twice changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        expect(record(await play(one, { ...NO_TROUBLE, twice: true }))).toEqual(record(await play(one)));
      }),
      { numRuns: 100 },
    );
  });

  it('a crash after any commit changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.integer({ min: 1, max: 4 }), async (one, every) => {
        const crashAfter = (commit: number): boolean => commit % every === 0;
        expect(record(await play(one, { twice: false, crashAfter }))).toEqual(record(await play(one)));
      }),
      { numRuns: 100 },
    );
  });

  it('who has a lock has it alone', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const { world } = await play(one);
        for (const [lock, of] of locksOf(one)) {
          const bodies = world.bodies.filter(({ path }) => of(path) !== null);
          for (const [index, body] of bodies.entries())
            for (const other of bodies.slice(index + 1))
              if (lock === 'section' ? of(body.path) !== of(other.path) : true)
                expect([lock, body.key, other.key, meet(body, other)]).toEqual([lock, body.key, other.key, false]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('nothing of a branch that was skipped runs, and nothing begins once it was withdrawn', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const { world, shown } = await play(one);
        for (const { path, status, iteration } of shown.jobs) {
          if (status !== 'skipped' && status !== 'withdrawn') continue;
          const bodies = world.bodies.filter((body) => body.path === path && body.iteration === iteration);
          if (status === 'skipped') expect([path, bodies.map(({ key }) => key)]).toEqual([path, []]);
          const cancelled = bodies.flatMap(({ end }) => (end?.conclusion === 'cancelled' ? [end.order] : []));
          const late = bodies.filter(({ started }) => started > Math.min(...cancelled));
          expect([path, late.map(({ key }) => key)]).toEqual([path, []]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('of a race one runs, the first that can, and the others are withdrawn', async () => {
    await fc.assert(
      fc.asyncProperty(races, async ({ body, winners }) => {
        const { world, shown } = await play({ id: 'race', body });
        const ran = new Set(world.bodies.filter(({ path }) => /^r\d+$/.test(path)).map(({ path }) => path));
        expect(ran.size).toBe(winners);
        for (const { path, status } of shown.jobs)
          if (/^r\d+$/.test(path) && !ran.has(path)) expect(['withdrawn', 'skipped']).toContain(status);
      }),
      { numRuns: 150 },
    );
  });

  it('joins fire as often as their definition says', async () => {
    await fc.assert(
      fc.asyncProperty(joins, async ({ body, firings, cancels }) => {
        const { world, shown } = await play({ id: 'join', body });
        const joined = world.bodies.filter(({ path }) => path === 'J');
        expect(joined.map(({ iteration }) => iteration)).toEqual(
          Array.from({ length: firings }, (_, index) => index + 1),
        );
        const fired = cancels ? joined[0]?.started : undefined;
        if (fired === undefined) return;
        for (const { path, started, end } of world.bodies) {
          if (path === 'J') continue;
          expect([path, started < fired]).toEqual([path, true]);
          if (end !== null && end.order < fired && end.conclusion !== 'cancelled') continue;
          const { status } = shown.jobs.find((job) => job.path === path)!;
          expect([path, end?.conclusion, status]).toEqual([path, 'cancelled', 'withdrawn']);
        }
      }),
      { numRuns: 250 },
    );
  });
});

interface Played {
  readonly translated: TranslatedCase;
  readonly world: World;
  readonly shown: ShownFlow;
}

/** Plays the case; jobs that wait for a signal get one when nothing else can happen. */
async function play(one: FlowCase, troubles: Troubles = NO_TROUBLE): Promise<Played> {
  const translated = translateCase(one);
  const world = new World(translated);
  const host = new MemoryHost(world, troubles);
  await world.play(host);
  const plans = translated.input.workflows.flatMap((workflow) => workflow.jobs);
  const suspended = new Set(plans.filter(({ flow }) => (flow?.waitFor ?? null) !== null).map(({ id }) => id));
  for (let signal = 0; world.runs[0]?.conclusion === null && signal < MAX_SIGNALS; signal++) {
    const { jobs } = await host.show(0);
    // Nothing else may hold a run up for ever.
    const waiting = jobs.filter(({ path, status }) => status === 'waiting' && suspended.has(readKey(path).id));
    expect([jobs, waiting.length > 0]).toEqual([jobs, true]);
    const request = { kind: 'signal', name: 'go', job: null, data: null, persistent: true } as const;
    await host.tell(0, { kind: 'requested', id: `signal ${signal}`, by: { user: 'ada' }, request });
    await world.goOn();
  }
  return { translated, world, shown: await host.show(0) };
}

/** What came of it, and in which order. */
function record({ world, shown }: Played) {
  const bodies = world.bodies.map(({ key, started, end }) => ({
    key,
    started,
    ended: end?.order,
    how: end?.conclusion,
  }));
  return { shown, bodies, runs: world.runs, rejected: world.rejected };
}

/** By lock: which group of those that exclude each other a body of this path is in; null for none. */
function locksOf({ body }: FlowCase): [string, (path: string) => string | null][] {
  const jobs = body['jobs'] as readonly Readonly<Record<string, unknown>>[];
  const plain = jobs.filter(
    (job) => (job['loop'] ?? (job['do'] as { call?: unknown } | undefined)?.call) === undefined,
  );
  const by =
    (member: string, value?: string) =>
    (path: string): string | null => {
      const job = plain.find(({ id }) => id === path);
      const own = job?.[member];
      return typeof own === 'string' && (value === undefined || own === value) ? own : null;
    };
  return [
    ['mutex m', by('mutex', 'm')],
    ['mutex n', by('mutex', 'n')],
    ['section', by('section')],
  ];
}

interface Spanned {
  readonly started: number;
  readonly end: { readonly order: number } | null;
}

function meet(one: Spanned, other: Spanned): boolean {
  return one.started < (other.end?.order ?? Infinity) && other.started < (one.end?.order ?? Infinity);
}
