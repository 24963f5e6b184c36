import { describe, expect, it } from '@jest/globals';
import type { Json } from '../../src/protocol/job-message.ts';
import { expandMatrix } from '../../src/workflow/expand-matrix.ts';

function instances(matrix: Json) {
  const result = expandMatrix(matrix);
  if ('problem' in result) throw new Error(result.problem);
  return result.instances;
}

function labels(matrix: Json) {
  const result = expandMatrix(matrix);
  return 'problem' in result ? result.problem : result.labels;
}

describe('expandMatrix', () => {
  it('makes the product in written order, the last list fastest', () => {
    expect(instances({ os: ['linux', 'mac'], node: [18, 20] })).toEqual([
      { os: 'linux', node: 18 },
      { os: 'linux', node: 20 },
      { os: 'mac', node: 18 },
      { os: 'mac', node: 20 },
    ]);
  });

  it('follows the example of the documentation for include', () => {
    expect(
      instances({
        fruit: ['apple', 'pear'],
        animal: ['cat', 'dog'],
        include: [
          { color: 'green' },
          { color: 'pink', animal: 'cat' },
          { fruit: 'apple', shape: 'circle' },
          { fruit: 'banana' },
          { fruit: 'banana', animal: 'cat' },
        ],
      }),
    ).toEqual([
      { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
      { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
      { fruit: 'pear', animal: 'cat', color: 'pink' },
      { fruit: 'pear', animal: 'dog', color: 'green' },
      { fruit: 'banana' },
      { fruit: 'banana', animal: 'cat' },
    ]);
  });

  it('makes one instance of each include when there are no lists', () => {
    expect(instances({ include: [{ a: 1 }, { a: 1 }, { b: { c: [2] } }] })).toEqual([
      { a: 1 },
      { a: 1 },
      { b: { c: [2] } },
    ]);
  });

  it('excludes what a partial entry matches', () => {
    expect(instances({ os: ['linux', 'mac'], node: [18, 20], exclude: [{ os: 'mac', node: 18 }] })).toHaveLength(3);
    expect(instances({ os: ['linux', 'mac'], node: [18, 20], exclude: [{ os: 'mac' }] })).toEqual([
      { os: 'linux', node: 18 },
      { os: 'linux', node: 20 },
    ]);
  });

  it('applies include after exclude, so that an excluded combination can be added again', () => {
    expect(
      instances({
        os: ['linux', 'mac'],
        node: [18, 20],
        exclude: [{ os: 'mac' }],
        include: [{ os: 'mac', node: 18, only: true }],
      }),
    ).toEqual([
      { os: 'linux', node: 18 },
      { os: 'linux', node: 20 },
      { os: 'mac', node: 18, only: true },
    ]);
  });

  it('is empty when everything is excluded', () => {
    expect(instances({ os: ['linux'], exclude: [{ os: 'linux' }] })).toEqual([]);
  });

  it('compares as == does', () => {
    const matrix = { os: ['Linux', 'mac'], node: [18, 20], flag: [null, true] };
    expect(instances({ ...matrix, exclude: [{ os: 'LINUX', node: '18', flag: '' }] })).toHaveLength(7);
    expect(instances({ ...matrix, exclude: [{ OS: 'mac' }] })).toHaveLength(4);
  });

  it('compares lists and mappings place by place, and lets a mapping have more in it', () => {
    const matrix = {
      target: [
        { os: 'linux', cpu: { arch: 'x64' }, tags: ['a', 'b'] },
        { os: 'mac', cpu: { arch: 'arm' } },
      ],
    };
    expect(instances({ ...matrix, exclude: [{ target: { cpu: { arch: 'x64' } } }] })).toEqual([
      { target: matrix.target[1] },
    ]);
    expect(instances({ ...matrix, exclude: [{ target: { tags: ['a'] } }] })).toHaveLength(1);
    expect(instances({ ...matrix, exclude: [{ target: { tags: ['b'] } }] })).toHaveLength(2);
    expect(instances({ ...matrix, exclude: [{ target: 'linux' }] })).toHaveLength(2);
  });

  it('lets a later include overwrite what an earlier one added, but never a value of the product', () => {
    expect(instances({ a: [1], include: [{ x: 1, y: 1 }, { X: 2 }, { a: 2, x: 3 }] })).toEqual([
      { a: 1, y: 1, X: 2 },
      { a: 2, x: 3 },
    ]);
  });

  it('labels an instance by the values of the lists, and an added one by all its values', () => {
    expect(
      labels({
        os: ['linux'],
        node: [1.5, null],
        deep: [{ a: [true, ''], b: 'x' }],
        include: [
          { os: 'linux', extra: 'no' },
          { os: 'mac', extra: 'yes' },
        ],
      }),
    ).toEqual(['linux, 1.5, true, x', 'linux, true, x', 'mac, yes']);
  });

  it('keeps keys that look like members of an object', () => {
    expect(instances(JSON.parse('{"__proto__": [1], "constructor": [2]}') as Json)).toEqual([
      JSON.parse('{"__proto__": 1, "constructor": 2}'),
    ]);
  });

  it.each<[Json, string]>([
    [null, '`matrix` takes a mapping, but it is empty'],
    ['x', '`matrix` takes a mapping, but it is text'],
    [[1], '`matrix` takes a mapping, but it is a list'],
    [{}, '`matrix` defines nothing to run'],
    [{ include: [] }, '`matrix` defines nothing to run'],
    [{ a: [] }, '`matrix.a` has no values'],
    [{ a: 'x' }, '`matrix.a` takes a list, but it is text'],
    [{ a: [1], include: { a: 1 } }, '`matrix.include` takes a list, but it is a mapping'],
    [{ a: [1], include: [3] }, 'an entry of `matrix.include` takes a mapping, but it is a number'],
    [{ a: [1], include: [{}] }, 'an entry of `matrix.include` is empty'],
    [{ a: [1], exclude: [{}] }, 'an entry of `matrix.exclude` is empty'],
    [{ a: [1], exclude: [{ b: 1 }] }, "`matrix.exclude` names 'b', which `matrix` does not have"],
    [{ a: Array.from({ length: 257 }, (_, i) => i) }, '`matrix` makes 257 jobs, the limit is 256'],
    [
      { a: Array.from({ length: 300 }, (_, i) => i), b: Array.from({ length: 300 }, (_, i) => i) },
      '`matrix` has more than 65536 combinations',
    ],
  ])('says what is wrong with %j', (matrix, problem) => {
    expect(expandMatrix(matrix)).toEqual({ problem });
  });

  it('allows 256 instances', () => {
    expect(instances({ a: Array.from({ length: 256 }, (_, index) => index) })).toHaveLength(256);
  });
});
