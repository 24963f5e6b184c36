import { describe, expect, it } from '@jest/globals';
import type { JobFlowPlan } from '../../src/protocol/flow-plan.ts';
import { begin } from './flow-driver.ts';
import { ACTIVE, count, keys, loop, plans, withPlans } from './flow-keys.ts';
import { callable, input, type JobSketch, workflow } from './plans.ts';

const WAIT = { waitFor: { signals: ['ok'], buffered: true, timeoutMinutes: null, from: ['bob'] } } as const;
const APPROVAL = keys(WAIT);
const soon = (more: Partial<JobFlowPlan> = {}) => keys({ ...WAIT, startWithinMinutes: 5, ...more });
const needs = (path: string) => `The job '${path}' needs an approval: a signal from one who may give it.`;
const goto = (target: string) => ({ goto: { target, with: {} } });

/** A job `c` with an approval `p` in it, in each place where there may be one; the key of what runs beside it. */
const CONTAINERS: Record<
  string,
  { readonly root: ReturnType<typeof withPlans>; readonly p: string; readonly x: string }
> = {
  before: {
    root: withPlans({ c: { flow: keys({ before: plans({ x: {}, p: { flow: APPROVAL } }) }) }, n: { needs: ['c'] } }),
    ...{ p: 'c@before.p', x: 'c@before.x' },
  },
  'a loop': {
    root: withPlans({
      c: loop('c', { until: 'true', jobs: plans({ x: {}, p: { flow: APPROVAL } }) }),
      n: { needs: ['c'] },
    }),
    ...{ p: 'c@1.p', x: 'c@1.x' },
  },
  'a called workflow': {
    root: withPlans({ c: { uses: 'w' }, n: { needs: ['c'] } }),
    ...{ p: 'c.p', x: 'c.x' },
  },
};
const w = callable({ x: {}, p: { flow: APPROVAL } });

describe('an approval in another job', () => {
  it.each(Object.entries(CONTAINERS))(
    'keeps that from being completed, until it was given: %s',
    (_, { root, p, x }) => {
      const { flow } = begin(input(root, { w }));
      for (const by of [{ user: 'bob' }, { job: x }]) {
        expect(flow.ask({ kind: 'complete', job: 'c' }, by)).toEqual([]);
        expect(flow.refused).toBe(needs('c'));
      }
      flow.ask({ kind: 'complete', job: p });
      expect(flow.refused).toBe(needs(p));
      expect(flow.signal('ok', {}, 'bob')).toEqual([`start ${p}`]);
      flow.ask({ kind: 'complete', job: 'c' });
      expect(flow.refused).toBeNull();
      flow.complete(p, 'cancelled');
      expect(flow.complete(x, 'cancelled')).toContain('start n');
    },
  );

  it.each(Object.entries(CONTAINERS))(
    'that was refused by a cancel lets nothing behind go on: %s',
    (_, { root, p, x }) => {
      const { flow } = begin(input(root, { w }));
      flow.ask({ kind: 'cancel', target: p }, { job: x });
      flow.ask({ kind: 'complete', job: 'c' });
      expect(flow.refused).toBe(needs('c'));
      flow.complete(x);
      expect(flow.shown).toMatchObject({ n: 'skipped' });
      expect([...flow.started.keys()]).toEqual([x]);
    },
  );

  it('keeps that from being completed before it begins, whatever is around or in it', () => {
    const called = { w: callable({ d: { uses: 'v' } }), v: callable({ d: { uses: 'w' }, p: { flow: APPROVAL } }) };
    const jobs: Record<string, JobSketch> = {
      a: {},
      before: { needs: ['a'], flow: keys({ before: plans({ p: { flow: APPROVAL } }) }) },
      after: { needs: ['a'], flow: keys({ after: plans({ p: { flow: APPROVAL } }) }) },
      last: { needs: ['a'], flow: keys({ finally: plans({ p: { flow: APPROVAL } }) }) },
      call: { needs: ['a'], uses: 'w' },
      free: { needs: ['a'] },
    };
    const { flow } = begin(input(workflow(jobs), called));
    for (const job of Object.keys(jobs)) {
      flow.ask({ kind: 'complete', job });
      expect([job, flow.refused]).toEqual([job, ['a', 'free'].includes(job) ? null : needs(job)]);
    }
  });

  it('after it keeps that from being completed while it is awaited', () => {
    const { flow } = begin(input(workflow({ c: { flow: keys({ after: plans({ p: { flow: APPROVAL } }) }) } })));
    flow.complete('c');
    flow.ask({ kind: 'complete', job: 'c' });
    expect(flow.refused).toBe(needs('c'));
  });

  it('that does not come in time fails what it is in', () => {
    const expiring = { x: {}, p: { flow: soon() } };
    const roots = [
      [withPlans({ c: { flow: keys({ before: plans(expiring) }) }, n: { needs: ['c'] } }), 'c@before'],
      [withPlans({ c: loop('c', { until: 'true', jobs: plans(expiring) }), n: { needs: ['c'] } }), 'c@1'],
      [withPlans({ c: { uses: 'w' }, n: { needs: ['c'] } }), 'c'],
    ] as const;
    for (const [root, scope] of roots) {
      const { flow } = begin(input(root, { w: callable(expiring) }));
      flow.complete(`${scope}.x`);
      flow.fire(`${scope}.p/within`);
      expect(flow.shown).toMatchObject({ [`${scope}.p`]: 'skipped', c: 'failure', n: 'skipped' });
      expect(flow.conclusion).toBe('failure');
    }
  });

  it('that its own condition leaves out is not asked for', () => {
    const before = plans({ x: {}, p: { if: 'false', flow: soon() } });
    const { flow } = begin(input(workflow({ c: { flow: keys({ before }) } })));
    expect(flow.complete('c@before.x')).toEqual(['start c']);
  });
});

describe('a job behind an approval', () => {
  it('is not completed, so that what comes after it does not begin', () => {
    const jobs = { a: {}, p: { needs: ['a'], flow: APPROVAL }, d: { needs: ['p'] }, e: { needs: ['d'] } };
    const { flow } = begin(input(workflow(jobs)));
    for (const job of ['d', 'e']) {
      expect(flow.ask({ kind: 'complete', job }, { job: 'a' })).toEqual([]);
      expect(flow.refused).toMatch(/^The job '[de]' comes after '[pd]', which needs an approval\.$|comes after 'p'/);
    }
    flow.complete('a');
    flow.signal('ok', {}, 'bob');
    flow.ask({ kind: 'complete', job: 'd' });
    expect(flow.refused).toBeNull();
  });

  it('is not completed when the approval came to nothing', () => {
    const jobs = { p: { flow: soon() }, q: {}, d: { needs: ['p', 'q'] }, e: { needs: ['d'] } };
    const { flow } = begin(input(workflow(jobs)));
    flow.fire('p/within');
    flow.ask({ kind: 'complete', job: 'd' });
    expect(flow.refused).toBe("The job 'd' comes after 'p', which needs an approval.");
    expect(flow.complete('q')).toEqual(['skipped d', 'skipped e', 'run success']);
  });

  it('may be completed when the join of one before it had approvals enough', () => {
    const jobs = {
      ...{ p: { flow: APPROVAL }, q: { flow: APPROVAL }, x: {} },
      either: { needs: ['p', 'q'], flow: count(1) },
      d: { needs: ['either', 'x'] },
    };
    const { flow } = begin(input(workflow(jobs)));
    flow.signal('ok', { job: 'p' }, 'bob');
    flow.complete('p');
    flow.complete('either');
    flow.ask({ kind: 'complete', job: 'd' });
    expect(flow.refused).toBeNull();
  });
});

describe('a job behind a join', () => {
  const asked = (flow: ReturnType<typeof begin>['flow'], job: string): string | null => {
    flow.ask({ kind: 'complete', job });
    return flow.refused;
  };
  const JOINS = { active: ACTIVE, first: count(1), count: count(2) };
  const choose = keys({
    choose: {
      mode: 'one',
      branches: [
        { job: 'q', if: 'true' },
        { job: 'p', if: 'true' },
      ],
      default: null,
    },
  });

  it.each(Object.entries(JOINS))('does without the approval of what was not chosen: %s', (_, join) => {
    const more = {
      q: { needs: ['a'] },
      q2: { needs: ['a'] },
      d: { needs: ['p', 'q', 'q2'], flow: join },
      e: { needs: ['d'] },
    };
    const { flow } = begin(input(workflow({ a: { flow: choose }, p: { needs: ['a'], flow: APPROVAL }, ...more })));
    expect(asked(flow, 'e')).toMatch(/needs an approval/);
    flow.complete('a');
    expect(flow.shown).toMatchObject({ p: 'skipped', d: 'pending' });
    expect(asked(flow, 'e')).toBeNull();
    expect(asked(flow, 'd')).toBeNull();
  });

  it('does without one further up a branch that was not chosen', () => {
    const branch = { p: { needs: ['a'] }, p2: { needs: ['p'], flow: APPROVAL }, p3: { needs: ['p2'] } };
    const rest = { q: { needs: ['a'] }, d: { needs: ['p3', 'q'], flow: ACTIVE } };
    const { flow } = begin(input(workflow({ a: { flow: choose }, ...branch, ...rest })));
    flow.complete('a');
    expect(asked(flow, 'd')).toBeNull();
  });

  it.each(Object.entries(JOINS))('does without that of what was withdrawn: %s', (_, join) => {
    const race = { race: 'r' };
    const jobs = {
      ...{ a: {}, p: { flow: keys({ ...WAIT, ...race }) }, q: { needs: ['a'], flow: keys(race) }, x: {} },
      d: { needs: ['p', 'q', 'x'], flow: join },
    };
    const { flow } = begin(input(workflow(jobs)));
    flow.complete('a');
    expect(flow.shown).toMatchObject({ p: 'withdrawn', q: 'queued' });
    expect(asked(flow, 'd')).toBeNull();
  });

  it('does not do without one where the join waits for all, nor where it never came', () => {
    const expired = { p: { flow: soon() }, m: { needs: ['p'] }, q: {}, d: { needs: ['m', 'q'], flow: ACTIVE } };
    const { flow } = begin(input(workflow({ ...expired, e: { needs: ['d'] } })));
    flow.fire('p/within');
    expect(flow.shown).toMatchObject({ p: 'skipped', m: 'skipped', d: 'pending' });
    for (const job of ['d', 'e']) expect(asked(flow, job)).toMatch(/comes after 'p'/);
  });

  it('that has begun without it goes on without it', () => {
    const jobs = {
      p: { flow: APPROVAL },
      y: {},
      either: { needs: ['p', 'y'], flow: count(1) },
      q: { needs: ['either'] },
    };
    const { flow } = begin(input(workflow(jobs)));
    expect(asked(flow, 'q')).toMatch(/comes after 'p'/);
    expect(flow.complete('y')).toEqual(['start either']);
    expect(asked(flow, 'q')).toBeNull();
  });

  it('that begins again with it is still to come', () => {
    const each = keys({ join: { mode: 'each', batch: 1 } });
    const jobs = { p: { flow: APPROVAL }, y: {}, m: { needs: ['p', 'y'], flow: each }, q: { needs: ['m'] } };
    const { flow } = begin(input(workflow(jobs)));
    expect(flow.complete('y')).toEqual(['start m']);
    expect(asked(flow, 'q')).toMatch(/comes after 'p'/);
  });
});

describe('a step that wants the run to go on elsewhere', () => {
  const chain = { a: {}, p: { needs: ['a'], flow: APPROVAL }, d: { needs: ['p'] } };
  const refused = (flow: ReturnType<typeof begin>['flow'], key: string) =>
    flow.commands.find((command) => command.kind === 'job-concluded' && command.key === key);

  it('passes over no approval: its job fails', () => {
    const { flow } = begin(input(workflow(chain)));
    expect(flow.finish('a', goto('d'))).toEqual(['job-concluded', 'skipped p', 'skipped d', 'run failure']);
    expect(refused(flow, 'a')).toMatchObject({
      reason: 'unapproved',
      message: "It would go on at 'd' without an approval that 'p' needs.",
    });
  });

  it('passes over none that is in another job, and leaves none out beside its way', () => {
    const inside = { ...chain, p: { needs: ['a'], uses: 'w' } };
    expect(begin(input(workflow(inside), { w })).flow.finish('a', goto('d'))).toContain('run failure');
    const beside = {
      a: {},
      p: { needs: ['a'], flow: APPROVAL },
      q: {},
      d: { needs: ['p', 'q'], flow: ACTIVE },
      t: { needs: ['a', 'q'] },
    };
    const { flow } = begin(input(workflow(beside)));
    flow.finish('a', goto('t'));
    expect(refused(flow, 'a')).toMatchObject({ reason: 'unapproved' });
  });

  it('begins nothing that waits for an approval elsewhere, or never got it', () => {
    const jobs = { ...chain, a: { flow: APPROVAL }, x: {}, z: { needs: ['d'], if: 'always()' }, p: { needs: ['a'] } };
    const { flow } = begin(input(workflow(jobs)));
    flow.finish('x', goto('d'));
    expect(refused(flow, 'x')).toMatchObject({ reason: 'unapproved' });
    flow.ask({ kind: 'cancel', target: 'a' });
    expect(flow.finish('z', goto('d'))).toEqual(['job-concluded', 'run failure']);
    expect(refused(flow, 'z')).toMatchObject({ reason: 'unapproved' });
  });

  it('goes on over one that was given, at one, and back to before one, which is asked for anew', () => {
    const { flow } = begin(input(workflow({ ...chain, e: { needs: ['d'] }, f: { needs: ['e'] } })));
    expect(flow.finish('a', goto('p'))).toEqual(['job-waits']);
    flow.signal('ok', {}, 'bob');
    flow.complete('p');
    expect(flow.finish('d', goto('f'))).toEqual(['skipped e', 'start f']);
    expect(flow.finish('f', goto('a'))).toEqual(['start a~2']);
    expect(flow.complete('a~2')).toEqual(['job-waits']);
    expect(flow.shown).toMatchObject({ p: 'waiting' });
  });

  it('may not what `next` of the file may', () => {
    const next = keys({ next: [{ if: null, goto: 'd', with: {} }] });
    const { flow } = begin(input(workflow({ ...chain, a: { flow: next } })));
    expect(flow.complete('a')).toEqual(['skipped p', 'start d']);
  });
});
