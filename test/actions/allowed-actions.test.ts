import { describe, expect, it } from '@jest/globals';
import { allowingOnly } from '../../src/actions/allowed-actions.ts';
import type { ActionStore } from '../../src/actions/action-store.ts';

const SIGNAL = new AbortController().signal;
const EVERYTHING: ActionStore = {
  load: () => Promise.resolve({ kind: 'problem', message: 'asked for' }),
  repository: () => Promise.resolve({ kind: 'found', directory: '/found' }),
};

async function isAllowed(patterns: readonly string[], uses: string): Promise<boolean> {
  const store = allowingOnly(patterns, EVERYTHING);
  const loaded = await store.load(uses, '/workspace', SIGNAL);
  const found = await store.repository(uses, SIGNAL);
  const allowed = loaded.kind === 'problem' && loaded.message === 'asked for';
  expect(found.kind === 'found').toBe(allowed);
  return allowed;
}

describe('patterns of allowed actions', () => {
  it.each([
    [[], 'octo/any@v1', true],
    [['*'], 'octo/any@v1', true],
    [['*'], 'docker://alpine:3', true],
    [['octo/*'], 'octo/any@v1', true],
    [['octo/*'], 'Octo/any/deep/inside@v1', true],
    [['octo/*'], 'evil/octo@v1', false],
    [['octo/*'], 'octopus/any@v1', false],
    [['octo/lint'], 'octo/lint@main', true],
    [['octo/lint'], 'octo/lint/sub@main', true],
    [['octo/lint'], 'octo/linter@main', false],
    [['octo/lint@v1'], 'octo/lint@v1', true],
    [['octo/lint@v1'], 'octo/lint@v2', false],
    [['octo/lint@v*'], 'octo/lint@v2.3', true],
    [['octo/lint@v*'], 'octo/lint@V2', false],
    [['*/lint'], 'evil/a/lint@v1', false],
    [['octo/mono/lint'], 'octo/mono/lint@v1', true],
    [['octo/mono/lint'], 'octo/mono/other@v1', false],
    [['octo/a.b'], 'octo/axb@v1', false],
    [['octo/*'], 'docker://octo/image', false],
    [['docker://octo/*'], 'docker://octo/image:1', true],
    [['docker://octo/*'], 'octo/image@v1', false],
    [['octo/*', 'ada/tool'], 'ada/tool@v1', true],
  ] as const)('%j and %s: %s', async (patterns, uses, allowed) => {
    expect(await isAllowed(patterns, uses)).toBe(allowed);
  });

  it('never hold back what is part of the workspace', async () => {
    expect(await isAllowed(['octo/none'], './tools/lint')).toBe(true);
  });

  it('are named where they refuse', async () => {
    const problem = await allowingOnly(['octo/*'], EVERYTHING).load('evil/one@v1', '/workspace', SIGNAL);
    expect(problem).toMatchObject({
      reason: 'agent-refused',
      message: "This runner does not allow the action 'evil/one@v1': its agent.allowActions names octo/*.",
    });
  });
});
