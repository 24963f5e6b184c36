import { describe, expect, it } from '@jest/globals';
import type { Diagnostic } from '../../src/protocol/diagnostic.ts';
import { MAX_DEPTH, MAX_NODES } from '../../src/workflow/build-tree.ts';
import { parseAction } from '../../src/workflow/parse-action.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { MAX_DIAGNOSTICS } from '../../src/workflow/problem-list.ts';
import { MAX_SOURCE_BYTES } from '../../src/workflow/read-source.ts';
import { MAX_TOKENS } from '../../src/workflow/read-yaml.ts';

function diagnosticsOf(source: string | Uint8Array): readonly Diagnostic[] {
  const { plan, diagnostics } = parseWorkflow(source, 'w.yml');
  expect(plan).toBeNull();
  return diagnostics;
}

function onlyOf(source: string | Uint8Array): Diagnostic {
  const diagnostics = diagnosticsOf(source);
  expect(diagnostics).toHaveLength(1);
  return diagnostics[0]!;
}

const JOBS = 'jobs: { a: { runs-on: x, steps: [{ run: make }] } }\n';

describe('files that cannot be read', () => {
  it.each([
    ['nothing', ''],
    ['white space', ' \n\n'],
    ['a comment', '# nothing\n'],
    ['a document mark', '---\n'],
    ['a byte order mark', '\uFEFF'],
  ])('%s is empty', (_, text) => {
    expect(onlyOf(text)).toMatchObject({ rule: 'empty-file', line: 1, column: 1, length: 1 });
  });

  it('bytes that are not UTF-8 are told with their line and column', () => {
    const bytes = Buffer.concat([Buffer.from('on: push\nname: ä'), Buffer.from([0xff, 0xfe]), Buffer.from('\n')]);
    expect(onlyOf(bytes)).toMatchObject({
      rule: 'encoding',
      message: 'the file is not UTF-8 from here on; save it as UTF-8',
      line: 2,
      column: 8,
    });
  });

  it('a character that is cut off at the end is not UTF-8', () => {
    expect(onlyOf(Buffer.from('on: ä').subarray(0, -1))).toMatchObject({ rule: 'encoding', line: 1, column: 5 });
  });

  it('UTF-16 is told by its name', () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('on: push', 'utf16le')]);
    expect(onlyOf(bytes).message).toBe('the file is UTF-16 text, but UTF-8 was expected; save it as UTF-8');
  });

  it('a NUL is told with its place', () => {
    expect(onlyOf('on: push\nname: a\0b')).toMatchObject({ rule: 'encoding', line: 2, column: 8 });
  });

  it('a file above the limit is refused unread', () => {
    const { rule, message } = onlyOf(Buffer.alloc(10 * MAX_SOURCE_BYTES, '# filler\n'));
    expect(rule).toBe('too-large');
    expect(message).toBe('the file is too large: 10.0 MiB, the limit is 1 MiB; move scripts into files of their own');
    expect(onlyOf('#'.repeat(MAX_SOURCE_BYTES + 1)).rule).toBe('too-large');
  });

  it('a file of the size of the limit is read', () => {
    const text = `on: push\n${JOBS}`;
    const filler = '#'.repeat(MAX_SOURCE_BYTES - text.length - 1);
    expect(parseWorkflow(`${text}${filler}\n`, 'w.yml').plan).not.toBeNull();
  });

  it('a byte order mark at the start is no part of the text', () => {
    expect(parseWorkflow(Buffer.from(`\uFEFFon: push\n${JOBS}`), 'w.yml').diagnostics).toEqual([]);
    expect(parseWorkflow(`\uFEFFon: pusch\n${JOBS}`, 'w.yml').diagnostics[0]).toMatchObject({ line: 1, column: 5 });
  });
});

describe('files that are no YAML', () => {
  it.each([
    ['a bracket that is never closed', 'on: [push\njobs: {}\n', 2],
    ['a tab as indentation', 'on:\n\tpush:\n', 2],
    ['a colon in a plain value', 'on: push\nname: a: b\n', 2],
    ['a quote that is never closed, at the end', 'on: push\nname: "a\n', 3],
    ['an escape that does not exist', 'on: push\nname: "\\q"\n', 2],
    ['a value that starts with @', 'on: push\nname: @me\n', 2],
    ['indentation that fits nothing, where it begins', 'on:\n    push:\n  pull_request:\n', 2],
  ])('%s: a sentence with the place and the way out', (_, text, line) => {
    const [first] = diagnosticsOf(text);
    expect(first).toMatchObject({ rule: 'yaml', line });
    expect(first!.message).toMatch(/^not valid YAML: .+/);
  });

  it('says little where much is wrong, and nothing about keys', () => {
    const diagnostics = diagnosticsOf(`a: [${','.repeat(10_000)}]`);
    expect(diagnostics).toHaveLength(5);
    expect(new Set(diagnostics.map(({ rule }) => rule))).toEqual(new Set(['yaml']));
  });

  it('a second document is refused', () => {
    expect(onlyOf(`on: push\n${JOBS}---\na: b\n`)).toMatchObject({ rule: 'yaml', line: 3, length: 3 });
  });

  it('a key that is no text is refused', () => {
    expect(diagnosticsOf(`on: push\n${JOBS}? [a]\n: b\n? {a: b}\n: c\n: d\n`).map(({ message }) => message)).toEqual(
      Array(3).fill('a key must be text'),
    );
  });

  it('a tag is refused, as it swallows what stands there', () => {
    const condition = diagnosticsOf(
      'on: push\njobs: { a: { runs-on: x, if: !failure() && true, steps: [{ run: make }] } }',
    );
    expect(condition[0]).toMatchObject({ rule: 'yaml-tag', line: 2, column: 30, length: '!failure()'.length });
    expect(onlyOf(`on: push\nname: !!binary aGk=\n${JOBS}`).rule).toBe('yaml-tag');
    expect(parseWorkflow(`on: push\nname: !!str 1\n${JOBS}`, 'w.yml').plan?.name).toBe('1');
  });
});

describe('keys that are given twice', () => {
  it('are errors with the place of the first', () => {
    expect(diagnosticsOf(`on: push\nname: a\nname: b\n${JOBS}`)).toEqual([
      {
        ...{ severity: 'error', rule: 'duplicate-key', file: 'w.yml', line: 3, column: 1, length: 4 },
        message: '`name` is given twice; it is already on line 2',
      },
    ]);
  });

  it('do not differ by case, as on GitHub', () => {
    expect(onlyOf(`on: push\nenv: { path: a, PATH: b }\n${JOBS}`).message).toBe(
      '`PATH` is given twice; it is already on line 2, spelled `path`',
    );
  });

  it('are found everywhere, also in quotes', () => {
    const jobs = 'jobs:\n  a:\n    runs-on: x\n    steps:\n      - run: a\n        "run": b\n';
    expect(onlyOf(`on: push\n${jobs}`)).toMatchObject({ rule: 'duplicate-key', line: 7, column: 9, length: 5 });
  });
});

describe('nesting and aliases', () => {
  const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const withMatrix = (value: string): string =>
    `on: push\njobs:\n  a:\n    runs-on: x\n    strategy: { matrix: { m: ${value} } }\n    steps: [{ run: make }]\n`;

  it.each([
    ['lists in lists', `on: push\nx: ${'['.repeat(500_000)}`],
    ['mappings in mappings', `on: push\nx: ${'{a: '.repeat(200_000)}`],
    ['compact lists', `on: push\nx:\n${'- '.repeat(400_000)}`],
    ['complex keys', '? '.repeat(400_000)],
  ])('%s without end are refused', (_, text) => {
    expect(onlyOf(text)).toMatchObject({ rule: 'nesting' });
  });

  it('a value nested up to the limit is read, one level more is refused', () => {
    // The file, `jobs`, the job, `strategy`, `matrix`.
    const around = 5;
    expect(parseWorkflow(withMatrix(nested(MAX_DEPTH - around)), 'w.yml').diagnostics).toEqual([]);
    expect(onlyOf(withMatrix(nested(MAX_DEPTH - around + 1))).rule).toBe('nesting');
  });

  it('aliases do not lead past the limit of nesting', () => {
    const levels = Array.from(
      { length: 11 },
      (_, n) => `  - &n${n} ${'['.repeat(10)}${n ? `*n${n - 1}` : ''}${']'.repeat(10)}`,
    );
    const diagnostics = diagnosticsOf(`x:\n${levels.join('\n')}\non: push\n${JOBS}`);
    expect(diagnostics.map(({ rule }) => rule)).toEqual(['nesting']);
  });

  it('a billion laughs are refused at once', () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih'])
      lines.push(`${name!}: &${name!} [${Array(9).fill(`*${before!}`).join(',')}]`);
    const { rule, message, line } = onlyOf(`${lines.join('\n')}\non: push\njobs: *i\n`);
    expect({ rule, line }).toEqual({ rule: 'alias-expansion', line: 6 });
    expect(message).toContain(String(MAX_NODES));
  });

  it('an alias that holds itself is refused', () => {
    expect(diagnosticsOf('on: push\njobs: &j { a: *j }\n').map(({ rule }) => rule)).toContain('alias-expansion');
  });

  it('an alias without an anchor is refused', () => {
    expect(diagnosticsOf(`on: *event\n${JOBS}`)[0]).toMatchObject({
      message: 'no anchor `&event` comes before the alias `*event`',
      line: 1,
      column: 5,
      length: 6,
    });
  });

  it('what is wrong behind an alias is told once, where it stands', () => {
    const text = 'on: push\njobs:\n  a: &a\n    runs-on: x\n    steps: [{ rum: make }]\n  b: *a\n  c: *a\n';
    expect(onlyOf(text)).toMatchObject({ rule: 'unknown-key', line: 5 });
  });

  it('more pieces of YAML than the limit are refused', () => {
    expect(onlyOf(`x: [${'a,'.repeat(MAX_TOKENS / 2)}]`).rule).toBe('too-large');
  });
});

describe('a file that is wrong everywhere', () => {
  it('shows so many problems and says how many are left', () => {
    const keys = Array.from({ length: MAX_DIAGNOSTICS + 20 }, (_, n) => `key${n}: x\n`).join('');
    const diagnostics = diagnosticsOf(`on: push\n${JOBS}${keys}`);
    expect(diagnostics).toHaveLength(MAX_DIAGNOSTICS + 1);
    expect(diagnostics.at(-1)).toMatchObject({
      ...{ severity: 'error', rule: 'too-many-problems' },
      message: '20 more problems in this file are not shown',
    });
  });

  it('shows errors before warnings when not all are shown', () => {
    const steps = Array.from(
      { length: MAX_DIAGNOSTICS },
      (_, n) => `      - run: echo \${{ steps.s${n}.outputs.x }}\n`,
    );
    const diagnostics = diagnosticsOf(
      `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n${steps.join('')}      - rum: x\n`,
    );
    expect(diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => rule)).toEqual(['unknown-key']);
  });
});

it('a text full of wrong expressions is told in part, and at once', () => {
  const run = '${{ nope }} '.repeat(60_000);
  const diagnostics = diagnosticsOf(`on: push\njobs: { a: { runs-on: x, steps: [{ run: "${run}" }] } }\n`);
  expect(diagnostics).toHaveLength(20);
});

describe('a file that is large but valid', () => {
  it('thousands of steps, groups and barriers get ids of their own', () => {
    const steps = Array.from(
      { length: 2_000 },
      (_, n) => `      - { id: s${n}, background: true, run: x }\n      - wait: s${n}\n`,
    );
    const groups = Array.from({ length: 1_000 }, () => '      - parallel: [{ run: x }]\n');
    const { plan } = parseWorkflow(
      `on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n${steps.join('')}${groups.join('')}`,
      'w.yml',
    );
    const [job] = plan!.jobs;
    const ids = job!.kind === 'steps' ? job!.steps.map(({ id }) => id) : [];
    expect(new Set(ids).size).toBe(6_000);
    expect(ids).toContain('__wait_2000');
  });
});

describe('names that mean something to JavaScript', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s is a key like any other', (name) => {
    const wrong = diagnosticsOf(`on: push\n${JOBS}${name}: x\n`);
    expect(wrong.map(({ rule }) => rule)).toEqual(['unknown-key']);
    const { plan } = parseWorkflow(`on: push\nenv: { ${name}: x }\n${JOBS}`, 'w.yml');
    expect(Object.entries(plan!.env)).toEqual([[name, 'x']]);
    expect(diagnosticsOf(`on: { ${name}: }\n${JOBS}`).map(({ rule }) => rule)).toEqual(['event']);
    const call = parseWorkflow(`on: { workflow_dispatch: { inputs: { ${name}: { default: x } } } }\n${JOBS}`, 'w.yml');
    expect(Object.keys(call.plan!.on['workflow_dispatch']!.inputs)).toEqual([name]);
  });
});

describe('actions', () => {
  it.each([
    ['nothing', '', 'empty-file'],
    ['a list', '- a\n', 'type'],
    ['broken YAML', 'runs: {{', 'yaml'],
    ['no runs', 'name: a\n', 'missing-key'],
    ['bytes', Buffer.from([0x72, 0xff]), 'encoding'],
  ])('%s is no manifest', (_, source, rule) => {
    const { manifest, diagnostics } = parseAction(source, 'action.yml');
    expect(manifest).toBeNull();
    expect(diagnostics[0]).toMatchObject({ severity: 'error', rule, file: 'action.yml' });
  });
});
