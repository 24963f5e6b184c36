import { describe, expect, it } from '@jest/globals';
import type { InputPlan, TriggerPlan } from '../../src/protocol/plan.ts';
import { resolveInputs } from '../../src/workflow/resolve-inputs.ts';

function trigger(inputs: Readonly<Record<string, Partial<InputPlan>>>): TriggerPlan {
  const plain: InputPlan = { type: 'string', required: false, default: null, options: [], description: null };
  return {
    ...{ types: null, branches: null, branchesIgnore: null, tags: null, tagsIgnore: null, paths: null },
    ...{ pathsIgnore: null, workflows: null, schedules: [], secrets: {}, outputs: {} },
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, { ...plain, ...input }])),
  };
}

const declared = trigger({
  text: {},
  filled: { default: 'x' },
  flag: { type: 'boolean' },
  on: { type: 'boolean', default: true },
  count: { type: 'number', default: 3 },
  level: { type: 'choice', options: ['low', 'high'] },
  place: { type: 'environment' },
});

describe('the inputs of a run', () => {
  it('have their types and defaults', () => {
    expect(resolveInputs(declared, {})).toEqual({
      ...{ text: '', filled: 'x', flag: false, on: true, count: 3, level: 'low', place: '' },
    });
    const given = { text: 'a=b', FLAG: 'true', on: 'false', count: '1.5', level: 'high', place: 'prod' };
    expect(resolveInputs(declared, given)).toEqual({
      ...{ text: 'a=b', filled: 'x', flag: true, on: false, count: 1.5, level: 'high', place: 'prod' },
    });
  });

  it.each([
    [{ nothing: 'x' }, "The workflow has no input 'nothing'"],
    [{ flag: 'yes' }, "The input 'flag' is 'yes'; expected 'true' or 'false'."],
    [{ count: 'many' }, 'expected a number'],
    [{ count: ' ' }, 'expected a number'],
    [{ level: 'middle' }, "expected one of 'low', 'high'"],
  ])('refuse %j', (given, message) => {
    expect(() => resolveInputs(declared, given as unknown as Record<string, string>)).toThrow(message);
  });

  it('must be there when they are required and have no default', () => {
    const required = trigger({ a: { required: true }, b: { required: true, default: 'x' } });
    expect(() => resolveInputs(required, {})).toThrow("requires the input 'a'");
    expect(resolveInputs(required, { a: '' })).toEqual({ a: '', b: 'x' });
  });

  it('of a workflow that declares none are refused', () => {
    expect(resolveInputs(null, {})).toEqual({});
    expect(() => resolveInputs(null, { a: 'x' })).toThrow('it has none');
  });
});
