import { describe, expect, it } from '@jest/globals';
import { parseActionReference } from '../../src/actions/action-reference.ts';

describe('what uses names', () => {
  it.each([
    ['./', { kind: 'local', path: './' }],
    ['./a/b', { kind: 'local', path: './a/b' }],
    ['docker://alpine:3', { kind: 'docker', image: 'alpine:3' }],
    ['o/n@v1', { kind: 'repository', owner: 'o', name: 'n', path: '', ref: 'v1' }],
    ['o/n/a/b@releases/v1', { kind: 'repository', owner: 'o', name: 'n', path: 'a/b', ref: 'releases/v1' }],
    ['o/n//a/@feature+x@2', { kind: 'repository', owner: 'o', name: 'n', path: 'a', ref: 'feature+x@2' }],
  ])('%s', (uses, reference) => {
    expect(parseActionReference(uses)).toEqual(reference);
  });

  it.each([
    ...['', 'o', 'o/n', 'o/n@', '@v1', 'o@v1', '/n@v1', 'o/../n@v1', '../n@v1', 'o/..@v1', 'o/n/../../x@v1'],
    ...['o/n@../../etc', 'o/n@--upload-pack=x', 'o/n@a b', 'o/n@a:b', 'o/n@/abs', 'o/n@a//b', 'o/n@x/', 'o n/m@v1'],
    ...['o/n@a~1', 'o/n@a^', 'o/n@@{-1}', 'o/n@a\\b'],
  ])('%j is none', (uses) => {
    expect(parseActionReference(uses)).toMatchObject({
      kind: 'problem',
      message: expect.stringContaining(`'${uses}'`),
    });
  });
});
