import { describe, expect, it } from '@jest/globals';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { FLOW_KEYS } from './flow-key-cases.ts';

const MARKS = /<<|>>/g;

/** `<<` and `>>` taken out, and where they stood. */
function unmark(marked: string): { workflow: string; line: number; column: number; length: number } {
  const start = marked.indexOf('<<');
  const before = marked.slice(0, start).split('\n');
  const length = marked.indexOf('>>') - start - '<<'.length;
  return { workflow: marked.replaceAll(MARKS, ''), line: before.length, column: before.at(-1)!.length + 1, length };
}

describe('every form of our keys is taken', () => {
  it.each(FLOW_KEYS.good)('%s', (_, workflow) => {
    const { plan, diagnostics } = parseWorkflow(workflow, 'w.yml');
    expect(diagnostics).toEqual([]);
    expect(plan).not.toBeNull();
  });
});

describe('what is wrong is told where it stands', () => {
  it.each(FLOW_KEYS.bad)('%s', (_, marked, severity, rule, message) => {
    const { workflow, ...place } = unmark(marked);
    const { diagnostics } = parseWorkflow(workflow, 'w.yml');
    expect(diagnostics).toEqual([{ severity, rule, message, file: 'w.yml', ...place }]);
  });
});
