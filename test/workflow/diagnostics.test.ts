import { describe, expect, it } from '@jest/globals';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

/** `RULE MESSAGE` and the text under the caret, of everything found. */
function found(text: string): { said: string; at: string }[] {
  const lines = text.split('\n');
  return parseWorkflow(text, 'w.yml').diagnostics.map(({ rule, message, line, column, length }) => ({
    said: `${rule}: ${message}`,
    at: lines[line - 1]!.slice(column - 1, column - 1 + length),
  }));
}

function job(steps: string, keys = ''): string {
  const indented = (text: string, by: number): string => text.replaceAll(/^(?=.)/gm, ' '.repeat(by));
  return `on: push\njobs:\n  a:\n    runs-on: x\n${indented(keys, 4)}${keys && '\n'}    steps:\n${indented(steps, 6)}\n`;
}

describe('an unknown key', () => {
  it.each([
    ['runs_on: x', '`runs-on`'],
    ['Needs: b', '`needs`'],
    ['timeout: 5', null],
    ['continueOnError: true', '`continue-on-error`'],
    ['stratgey: {}', '`strategy`'],
    ['enviroment: x', '`environment`'],
  ])('%s of a job offers the key that was meant, if any is close', (key, meant) => {
    const [first] = found(job('- run: make', key));
    expect(first!.at).toBe(key.split(':')[0]);
    if (meant === null) expect(first!.said).not.toContain('did you mean');
    else expect(first!.said).toContain(`did you mean ${meant}?`);
  });

  it('that is missing by its wrong spelling only is not reported as missing as well', () => {
    expect(found('on: push\njobs: { a: { runs_on: x, step: [] } }\n')).toEqual([
      { said: 'unknown-key: a job has no key `runs_on`; did you mean `runs-on`?', at: 'runs_on' },
      { said: 'unknown-key: a job has no key `step`; did you mean `steps`?', at: 'step' },
    ]);
  });
});

describe('an expression that is wrong is pointed at', () => {
  it.each([
    ['plain', '- run: echo ${{ nope }}'],
    ['in single quotes, after an escaped quote', "- run: 'it''s ''fine'' ${{ nope }}'"],
    ['in double quotes, after escapes', String.raw`- run: "\t\u00e4\x41 \"${'${{'} nope }}"`],
    ['in double quotes, over an escaped line break', '- run: "a \\\n    ${{ nope }}"'],
    ['in a plain text over lines', '- run: echo\n    one\n    ${{ nope }}'],
    ['in a literal block', '- run: |\n    nope\n      echo ${{ nope }}'],
    ['in a literal block with an indentation of its own', '- run: |2\n      ${{ nope }}'],
    ['in a folded block', '- run: >-\n    one\n    two\n\n    ${{ nope }}'],
    ['over two lines of a block', '- run: |\n    ${{ github.ref ||\n      nope }}'],
    ['in a condition without markers', '- { run: x, if: success() && nope }'],
    ['in a condition in a block', '- run: x\n  if: |\n    success() &&\n    nope'],
    ['behind characters of two code units', '- run: echo "\u{1f600}${{ nope }}"'],
  ])('%s', (_, steps) => {
    const [first, ...more] = found(job(steps));
    expect(more).toEqual([]);
    expect(first).toMatchObject({ at: 'nope', said: expect.stringMatching(/^expression: there is no context `nope`/) });
  });

  it('also behind line ends of Windows', () => {
    const text = job('- run: |\n    one\n    two ${{ nope }}').replaceAll('\n', '\r\n');
    expect(parseWorkflow(text, 'w.yml').diagnostics).toMatchObject([{ line: 8, column: 19, length: 4 }]);
  });

  it('each of several', () => {
    expect(found(job('- run: ${{ a }} ${{ b }}\n  name: ${{ c }}')).map(({ at }) => at)).toEqual(['a', 'b', 'c']);
  });
});

describe('jobs that need each other', () => {
  const jobs = (needs: Record<string, string>): string =>
    `on: push\njobs:\n${Object.entries(needs)
      .map(([id, list]) => `  ${id}: { needs: [${list}], runs-on: x, steps: [{ run: x }] }\n`)
      .join('')}`;

  it('a circle is told once, with every job on it', () => {
    expect(found(jobs({ a: 'c, d', b: 'a', c: 'b', d: '' }))).toEqual([
      { said: 'needs: jobs need each other in a circle: `a` needs `c` needs `b` needs `a`', at: 'a' },
    ]);
  });

  it('two circles are told both', () => {
    expect(found(jobs({ a: 'b', b: 'a', c: 'd', d: 'c', e: 'a' })).map(({ said }) => said)).toHaveLength(2);
  });

  it('an unknown job is told with one that is close', () => {
    expect(found(jobs({ build: '', test: 'biuld' }))).toEqual([
      { said: 'needs: job `test` needs an unknown job `biuld`; did you mean `build`?', at: 'biuld' },
    ]);
  });

  it('a chain of a thousand jobs is no circle', () => {
    const chain = Array.from({ length: 1_000 }, (_, n) => [`j${n}`, n === 0 ? '' : `j${n - 1}`]);
    expect(found(jobs(Object.fromEntries(chain) as Record<string, string>))).toEqual([]);
  });
});

describe('targets of wait and cancel', () => {
  const DATA = '- { id: data, background: true, run: serve }\n';

  it.each([
    ['- wait: dtaa', 'there is no step `dtaa`; did you mean `data`?'],
    ['- wait: other', 'there is no step `other`'],
    ['- cancel: DATA', 'there is no step `DATA`; its id is spelled `data`'],
    ['- { id: me, cancel: me }', 'step `me` cannot cancel itself'],
    ['- cancel: __run', '`__run` is a reserved id; give the step an `id` of your own to cancel it'],
    ['- { id: w, wait: data }\n- wait: w', 'step `w` is no background step; one cannot wait for it'],
    [
      '- wait: late\n- { id: late, background: true, run: x }',
      'step `late` starts only after this step; `wait` names an earlier one',
    ],
  ])('%s', (steps, message) => {
    const errors = found(job(DATA + steps)).filter(({ said }) => said.startsWith('step-target'));
    expect(errors.map(({ said }) => said)).toEqual([`step-target: ${message}`]);
  });

  it('each wrong one of a list is told', () => {
    expect(found(job(`${DATA}- wait: [x1, data, x2]`)).map(({ at }) => at)).toEqual(['x1', 'x2']);
  });

  it('say so when there is nothing to name', () => {
    expect(found(job('- run: x\n- wait: db'))[0]!.said).toContain(
      'no background step with an `id` comes before this one',
    );
  });
});

describe('warnings about background steps', () => {
  const said = (steps: string): string[] => found(job(steps)).map(({ said: text }) => text.split(':')[0]!);

  it.each([
    ['nothing after it', '- { id: s, background: true, run: x }', ['background-without-end']],
    ['a wait', '- { id: s, background: true, run: x }\n- wait: s', []],
    ['a cancel', '- { id: s, background: true, run: x }\n- cancel: s', []],
    ['a wait-all', '- { id: s, background: true, run: x }\n- wait-all:', []],
    ['a wait-all before it', '- wait-all:\n- { id: s, background: true, run: x }', ['background-without-end']],
    [
      'a wait for another',
      '- { id: s, background: true, run: x }\n- { id: t, background: true, run: x }\n- wait: t',
      ['background-without-end'],
    ],
    ['a time limit', '- { id: s, background: true, run: x, timeout-minutes: 1 }', []],
    ['a group after it', '- { id: s, background: true, run: x }\n- parallel: [{ run: y }]', ['background-without-end']],
    ['steps of a group', '- parallel: [{ id: s, run: x }]', []],
    ['background: false', '- { id: s, background: false, run: x }', []],
  ])('without an end: %s', (_, steps, rules) => {
    expect(said(steps)).toEqual(rules);
  });

  it.each([
    ['in a later step', '- run: ${{ steps.s.outputs.x }}', true],
    ['in a condition', "- { run: x, if: steps.s.outcome == 'success' }", true],
    ['in the environment', '- { run: x, env: { A: "${{ steps.S.conclusion }}" } }', true],
    ['in inputs', '- { uses: o/r@v1, with: { a: "${{ steps[\'s\'].outputs.x }}" } }', true],
    ['in a name of a control step', '- { wait: s, name: "${{ steps.s.outcome }}" }', true],
    ['in a later background step', '- { id: t, background: true, run: "${{ steps.s.outputs.x }}" }\n- wait: t', true],
    ['in a group', '- parallel: [{ run: "${{ steps.s.outputs.x }}" }]', true],
    [
      'after a wait for another',
      '- { id: t, background: true, run: x }\n- wait: t\n- run: ${{ steps.s.outputs.x }}',
      true,
    ],
    ['after a wait', '- wait: s\n- run: ${{ steps.s.outputs.x }}', false],
    ['after a cancel', '- cancel: s\n- run: ${{ steps.s.outcome }}', false],
    ['after a wait-all', '- wait-all:\n- run: ${{ steps.s.outputs.x }}', false],
    ['as a whole', '- run: ${{ toJSON(steps) }}', false],
  ])('results read too early: %s', (_, steps, warned) => {
    expect(said(`- { id: s, background: true, run: x, timeout-minutes: 1 }\n${steps}`)).toEqual(
      warned ? ['read-before-wait'] : [],
    );
  });

  it('results of a group are there after it', () => {
    expect(said('- parallel: [{ id: s, run: x }, { run: y }]\n- run: ${{ steps.s.outputs.x }}')).toEqual([]);
  });

  it('job outputs are read when everything has ended', () => {
    expect(
      found(
        job('- { id: s, background: true, run: x, timeout-minutes: 1 }', 'outputs: { a: "${{ steps.s.outputs.x }}" }'),
      ),
    ).toEqual([]);
  });
});

describe('filters', () => {
  it.each([
    ["branches: ['!main']", 'filter: `branches` with nothing but exclusions never matches'],
    ["branches: ['a[b']", 'filter: `a[b`: the `[` is never closed'],
    ["branches: [main, '!']", 'filter: `!` excludes nothing'],
    ["branches: ['a[]']", 'filter: `a[]`: `[]` matches no character'],
    ['paths: /src', 'filter: `/src` never matches'],
    ['tags: [v1], tags-ignore: [v2]', 'filter: `tags-ignore` cannot stand beside `tags`'],
  ])('%s', (filters, message) => {
    const [first, ...more] = found(`on: { push: { ${filters} } }\njobs: { a: { runs-on: x, steps: [{ run: x }] } }\n`);
    expect(more).toEqual([]);
    expect(first!.said.startsWith(message)).toBe(true);
  });

  it.each(['releases/**', 'v[0-9]+.[0-9]*', '**', 'a?+', '\\[x\\]', '!a'])('%s is a pattern', (pattern) => {
    expect(
      found(`on: { push: { branches: [main, '${pattern}'] } }\njobs: { a: { runs-on: x, steps: [{ run: x }] } }\n`),
    ).toEqual([]);
  });
});
