import type { ShownFlow } from '../../src/flow/show-flow.ts';

/** Words that mean the same of a run. */
const RUN_WORDS: Readonly<Record<string, string>> = { waiting: 'pending', queued: 'pending', buffered: 'pending' };

export function isRunStatus(word: string, shown: ShownFlow['run']): boolean {
  if (word === 'completed') return isFinal(shown);
  return (RUN_WORDS[word] ?? word) === shown;
}

const OPEN: readonly string[] = ['pending', 'queued', 'waiting', 'running', 'paused'];

export function isFinal(status: string): boolean {
  return !OPEN.includes(status);
}
