import { describe, expect, it } from '@jest/globals';
import { keysAround } from '../../src/flow/key-suffix.ts';

describe('the keys around a job', () => {
  it.each([
    ['build', []],
    ['build.1', []],
    ['build.1~2r3', []],
    ['call.build', ['call']],
    ['call.1.build.2', ['call', 'call.1']],
    ['call.1~2.build.3~4', ['call~2', 'call.1~2']],
    ['call.1~2.inner.3~4.build', ['call~2', 'call.1~2', 'call.1~2.inner~4', 'call.1~2.inner.3~4']],
    ['loop~2@3.body.1', ['loop~2', 'loop~2@3']],
    ['job~2@before.first', ['job~2', 'job~2@before']],
    ['@finally.last', ['@finally']],
  ])('are in the iteration that it is in: %s', (key, around) => {
    expect(keysAround(key)).toEqual(around);
  });
});
