import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Diagnostic } from '../../src/protocol/diagnostic.ts';
import { parseAction } from '../../src/workflow/parse-action.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const WORKFLOWS = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => readFileSync(join(FIXTURES, name), 'utf8'));

const ACTION = [
  'name: Greet',
  'inputs:',
  '  who: { default: "${{ github.actor }}", required: true, description: Whom }',
  'outputs:',
  '  said: { value: "${{ steps.say.outputs.said }}" }',
  'runs:',
  '  using: composite',
  '  steps:',
  '    - { id: say, run: "echo ${{ inputs.who }}", shell: bash, if: always() }',
  '    - uses: octo/greet@v1',
  '      with: { who: "${{ steps.say.outcome }}" }',
].join('\n');

/** Pieces that mean something to YAML, to the grammar or to expressions. */
const PIECES = [
  ...['${{', '}}', '${{ steps.a.outputs.b }}', '${{ insert }}', "'", '"', ': ', '- ', '? ', '[', ']', '{', '}', ','],
  ...['&a ', '*a', '!x ', '!!str ', '<<: *a', '|', '>-', '#', '---\n', '...\n', '%YAML 1.1\n', '\t', '\n', '\r\n', ' '],
  ...[
    'null',
    'true',
    '-1',
    '.nan',
    '1e400',
    '0x10',
    '\u{1f600}',
    '\u0301',
    '\ud800',
    '\u2028',
    '\\',
    '\\u12',
    '@',
    '`',
  ],
  ...['background: true', 'wait: db', 'wait-all:', 'cancel: [db]', 'parallel:', 'uses: x', 'needs: test', 'if: !x'],
  ...['__proto__: x', 'constructor:', 'on:', 'jobs:', 'steps:', '- steps', 'run: a', 'id: db', 'matrix: x'],
];

/** One change at a place given as a fraction of the text. */
const mutation = fc.record({
  kind: fc.constantFrom('insert', 'delete', 'replace', 'repeat', 'move', 'indent'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  to: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  piece: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 5, unit: 'binary' })),
});

function mutate(
  text: string,
  { kind, at, to, length, piece }: typeof mutation extends fc.Arbitrary<infer T> ? T : never,
): string {
  const place = Math.floor(at * text.length);
  const other = Math.floor(to * text.length);
  const lineStart = text.lastIndexOf('\n', place) + 1;
  switch (kind) {
    case 'insert':
      return text.slice(0, place) + piece + text.slice(place);
    case 'delete':
      return text.slice(0, place) + text.slice(place + length);
    case 'replace':
      return text.slice(0, place) + piece + text.slice(place + length);
    case 'repeat':
      return text.slice(0, other) + text.slice(place, place + length * 4) + text.slice(other);
    case 'move':
      return text.slice(0, lineStart) + text.slice(other, other + length * 4) + text.slice(lineStart);
    case 'indent':
      return text.slice(0, lineStart) + ' '.repeat(length % 7) + text.slice(lineStart);
  }
}

function expectSound(text: string, plan: object | null, diagnostics: readonly Diagnostic[]): void {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  for (const { message, line, column, length, severity, rule, file } of diagnostics) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
    expect(length).toBeGreaterThanOrEqual(1);
    expect(column + length).toBeLessThanOrEqual(Math.max(column + 1, lines[line - 1]!.length + 1));
    expect(message).toMatch(/\S/);
    expect(message).not.toMatch(/[\r\n]/);
    expect({ severity, rule, file }).toEqual({
      severity: expect.stringMatching(/^(?:error|warning)$/),
      rule: expect.stringMatching(/^[a-z][a-z0-9-]*$/),
      file: 'f.yml',
    });
  }
  expect(plan === null).toBe(diagnostics.some(({ severity }) => severity === 'error'));
  if (plan !== null) expect(JSON.parse(JSON.stringify(plan))).toStrictEqual(plan);
}

describe('whatever is done to a file', () => {
  it('a workflow gives a plan or errors inside of it, and never throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...WORKFLOWS),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (text, mutations) => {
          const mutated = mutations.reduce(mutate, text);
          const { plan, diagnostics } = parseWorkflow(mutated, 'f.yml');
          expectSound(mutated, plan, diagnostics);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('an action gives a manifest or errors inside of it, and never throws', () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const mutated = mutations.reduce(mutate, ACTION);
        const { manifest, diagnostics } = parseAction(mutated, 'f.yml');
        expectSound(mutated, manifest, diagnostics);
      }),
      { numRuns: 400 },
    );
  });

  it('bytes give a plan or errors inside of their text, and never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', 'on: push\njobs:\n'), (bytes, before) => {
        const source = Buffer.concat([Buffer.from(before), bytes]);
        const { plan, diagnostics } = parseWorkflow(source, 'f.yml');
        expectSound(source.toString('utf8'), plan, diagnostics);
      }),
      { numRuns: 400 },
    );
  });
});
