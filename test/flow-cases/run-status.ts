import type { ShownFlow } from '../../src/flow/show-flow.ts';

/** Words that mean the same of a run. */
const RUN_WORDS: Readonly<Record<string, string>> = { waiting: 'pending', queued: 'pending', buffered: 'pending' };

export function isRunStatus(word: string, shown: ShownFlow['run']): boolean {
  if (word === 'completed') return isFinal(shown);
  return (RUN_WORDS[word] ?? word) === shown;
}

/** Whether a run or a job can be in a state of this name. */
export function isStatusWord(word: string): boolean {
  return word in RUN_WORDS || OPEN.includes(word) || FINAL.includes(word);
}

const FINAL: readonly string[] = [
  'success',
  'failure',
  'failure-ignored',
  'cancelled',
  'skipped',
  'withdrawn',
  'completed',
];
const OPEN: readonly string[] = ['pending', 'queued', 'waiting', 'running', 'paused'];

export function isFinal(status: string): boolean {
  return !OPEN.includes(status);
}
