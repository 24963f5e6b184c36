import { describe, expect, it } from '@jest/globals';
import { type Group, isWithin, joinGroup, leaveGroup, NOBODY } from '../../src/flow/group-queue.ts';

const member = (key: string, run = 0) => ({ run, key });
const holder = (key: string, limit = 2) => ({ run: 0, key, limit });
const request = (limit?: number, queue = true, cancelInProgress = false) => ({
  group: 'g',
  queue,
  cancelInProgress,
  ...(limit === undefined ? {} : { limit }),
});
const keys = (group: Group) => [group.holders.map(({ key }) => key), group.waiting.map(({ key }) => key)];

/** Whoever asks, in order; all of them are let in or wait. */
function joined(asking: readonly (readonly [string, ReturnType<typeof request>])[]): Group {
  return asking.reduce((group, [key, asked]) => {
    const joining = joinGroup(group, member(key), asked, []);
    return joining.kind === 'refused' ? group : joining.group;
  }, NOBODY);
}

describe('a concurrency group with a limit', () => {
  it('is held by so many, and the next has its turn when one leaves', () => {
    const group = joined(['a', 'b', 'c', 'd'].map((key) => [key, request(2)] as const));
    expect(keys(group)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    const { group: after, granted } = leaveGroup(group, member('b'));
    expect(granted).toEqual([member('c')]);
    expect(keys(after)).toEqual([['a', 'c'], ['d']]);
  });

  it('lets a newer one replace the one that waits, and asks the oldest holder to end where it is to', () => {
    const group = joined([
      ['a', request(2, false)],
      ['b', request(2, false)],
      ['c', request(2, false)],
    ]);
    const joining = joinGroup(group, member('d'), request(2, false, true), []);
    expect(joining).toMatchObject({ kind: 'waits', replaced: [{ key: 'c' }], cancel: member('a') });
  });

  it('is shared by those that say different limits as each of them says', () => {
    const group = joined([
      ['a', request(3)],
      ['alone', request(1)],
      ['b', request(3)],
    ]);
    expect(keys(group)).toEqual([['a'], ['alone', 'b']]);
    const { group: next, granted } = leaveGroup(group, member('a'));
    expect(granted).toEqual([member('alone')]);
    expect(leaveGroup(next, member('alone')).granted).toEqual([member('b')]);
    // One that does not wait any more is in nobody's way.
    expect(leaveGroup(group, member('alone')).granted).toEqual([member('b')]);
  });

  it('is waited for as long as one that holds it can end, and refused when none can', () => {
    const holders = [holder('outer'), holder('other')];
    const group: Group = { holders, waiting: [] };
    expect(joinGroup(group, member('outer.a'), request(2), [])).toMatchObject({ kind: 'waits' });
    const wait = { waiter: member('other.b'), holders, limit: 2 };
    expect(joinGroup(group, member('outer.a'), request(2), [wait])).toMatchObject({
      kind: 'refused',
      conclusion: 'failure',
    });
    expect(joinGroup({ holders: [holder('outer')], waiting: [] }, member('outer.a'), request(1), [])).toMatchObject({
      kind: 'refused',
    });
    const free = { waiter: member('other.b'), holders: [member('outer'), member('third')], limit: 2 };
    // It takes both of them to end.
    expect(joinGroup(group, member('outer.a'), request(1), [free])).toMatchObject({ kind: 'refused' });
    expect(joinGroup({ holders: [holder('other')], waiting: [] }, member('outer.a'), request(1), [free])).toMatchObject(
      {
        kind: 'waits',
      },
    );
  });
});

describe('what is within a job', () => {
  it.each([
    ['call', 'call', true],
    ['call.a', 'call', true],
    ['call@before.a', 'call', true],
    ['loop@3.a', 'loop', true],
    ['call~r2', 'call', true],
    ['call~r2.a', 'call', true],
    ['call~2.a', 'call', false],
    ['call~2r3.a', 'call~2', true],
    ['call~2.a', 'call~2', true],
    ['call~21.a', 'call~2', false],
    ['caller', 'call', false],
    ['callr2.a', 'call', false],
    ['call', 'call.a', false],
    ['anything', '', true],
  ])('%s is within %s: %s', (inner, outer, expected) => {
    expect(isWithin(member(inner), member(outer))).toBe(expected);
    expect(isWithin(member(inner, 1), member(outer, 2))).toBe(false);
  });
});
