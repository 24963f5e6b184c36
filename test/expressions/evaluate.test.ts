import { describe, expect, it } from '@jest/globals';
import {
  evaluateCondition,
  evaluateExpression,
  ExpressionError,
  evaluateTemplate,
  evaluateText,
  toText,
  type EvaluationInput,
} from '../../src/expressions/evaluate.ts';
import type { Json } from '../../src/expressions/json.ts';

const contexts = {
  github: {
    ref: 'refs/heads/Main',
    event: {
      commits: [
        { message: 'one', author: { name: 'Ann' }, tags: ['a', 'b'] },
        { message: 'two', author: { name: 'Bob' }, tags: ['c'] },
        { other: true },
      ],
      empty: [],
      big: 1234567890123456,
    },
  },
  env: { PATH: 'upper', path: 'lower', Mixed: 'm', constructor: 'c', zero: '0' },
  matrix: { os: 'linux', node: 20, flag: false, nothing: null },
  needs: { a: { result: 'success', outputs: { n: '3' } }, b: { result: 'failure', outputs: {} } },
};
const input: EvaluationInput = { contexts };
const value = (text: string, more: Partial<EvaluationInput> = {}): Json =>
  evaluateExpression(text, { ...input, ...more });

/** The message of the error that evaluating makes. */
function problem(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ExpressionError);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('operators and literals', () => {
  it.each<[string, Json]>([
    // literals
    ['null', null],
    ['true', true],
    ["'it''s ''quoted'''", "it's 'quoted'"],
    ["''", ''],
    ['0xff', 255],
    ['0o17', 15],
    ['-2.99e-2', -0.0299],
    ['+5', 5],
    ['.5', 0.5],
    // logic keeps the operand
    ["'a' && 'b'", 'b'],
    ["'' || 'b'", 'b'],
    ['false || null', null],
    ["0 && 'x'", 0],
    ['true && false || 7', 7],
    ['!0', true],
    ["!'false'", false],
    ['!!github', true],
    ['!(true && false)', true],
    // precedence: ! over comparison over equality over && over ||
    ['1 == 2 || 3 < 4 && 5 != 6', true],
    ['!true == false', true],
    ['1 < 2 == true', true],
    // equality ignores the case of text and coerces to numbers
    ["'Main' == 'mAIN'", true],
    ["'straße' == 'STRASSE'", true],
    ["1 == '1'", true],
    ["1 == '1.0'", true],
    ["true == '1'", true],
    ["true == 'true'", false],
    ["null == ''", true],
    ['null == 0', true],
    ['null == false', true],
    ["0 == ' '", true],
    ["'abc' == 0", false],
    ['NaN == NaN', false],
    ["'NaN' == NaN", false],
    ["'0xff' == 255", true],
    ["'Infinity' == Infinity", true],
    ['github.event == github.event', true],
    ['github.event == github', false],
    ["fromJSON('[]') == fromJSON('[]')", false],
    ["github == 'Object'", false],
    // order
    ["'a' < 'B'", true],
    ["'10' > 9", true],
    ["'a' > 9", false],
    ["'a' <= 9", false],
    ['true > false', true],
    ['null >= 0', true],
    ['1 >= 1', true],
  ])('%s is %j', (text, expected) => {
    expect(value(text)).toEqual(expected);
  });
});

describe('contexts', () => {
  it.each<[string, Json]>([
    ['github.ref', 'refs/heads/Main'],
    ['GITHUB.Ref', 'refs/heads/Main'],
    ["github['ref']", 'refs/heads/Main'],
    ['github.nope', null],
    ['github.nope.deeper[3]', null],
    ['github.ref.x', null],
    ['github.event.commits[1].message', 'two'],
    ["github.event.commits['1'].message", 'two'],
    ['github.event.commits[1.9].message', 'two'],
    ['github.event.commits[9]', null],
    ['github.event.commits[-1]', null],
    ["github.event.commits['x']", null],
    ['matrix.node', 20],
    ['matrix.flag', false],
    ["matrix[format('{0}s', 'o')]", 'linux'],
    ['matrix.nothing', null],
    // a context that exists but is not given
    ['secrets', null],
    ['secrets.TOKEN', null],
    ['steps.a.outputs.b', null],
    // as written first, else without regard to case
    ['env.path', 'lower'],
    ['env.PATH', 'upper'],
    ['env.MIXED', 'm'],
    ['env.constructor', 'c'],
    ['env.__proto__', null],
    ['env.toString', null],
    // filters
    ['github.event.commits.*.message', ['one', 'two']],
    ['github.event.commits[*].author.name', ['Ann', 'Bob']],
    ['github.event.commits.*.tags[0]', ['a', 'c']],
    ['github.event.commits.*.tags.*', ['a', 'b', 'c']],
    ['needs.*.result', ['success', 'failure']],
    ['needs.*.outputs.n', ['3']],
    ['github.ref.*', []],
    ["contains(needs.*.result, 'failure')", true],
    ["join(github.event.commits.*.author.name, ' & ')", 'Ann & Bob'],
  ])('%s is %j', (text, expected) => {
    expect(value(text)).toEqual(expected);
  });

  it('takes further contexts by their names', () => {
    expect(evaluateExpression('instances.success', { contexts: { instances: { success: 2 } } })).toBe(2);
  });

  it('refuses a context that does not exist, even where it is not reached', () => {
    expect(problem(() => value('false && foo.bar'))).toBe(
      'The expression `false && foo.bar` could not be evaluated: there is no context `foo` (text is written in single quotes).',
    );
  });
});

describe('functions', () => {
  it.each<[string, Json]>([
    ["contains('Hello', 'ELL')", true],
    ["contains('abc', '')", true],
    ['contains(123, 2)', true],
    ["contains(fromJSON('[1, \"B\"]'), 'b')", true],
    ["contains(fromJSON('[\"ab\"]'), 'a')", false],
    ["contains(github, 'ref')", false],
    ["startsWith('Hello', 'hE')", true],
    ["startsWith(github, 'x')", false],
    ["endsWith('Hello', 'LLO')", true],
    ["endsWith(true, 'ue')", true],
    ["format('{0} {1} {0}', 'a', 2)", 'a 2 a'],
    ["format('{{{0}}} {{x}}', 'a')", '{a} {x}'],
    ["format('plain')", 'plain'],
    ["format('{0}|{1}|{2}', null, true, github)", '|true|Object'],
    ["format('{0}', '{1}')", '{1}'],
    ["join('text', '-')", 'text'],
    ["join(fromJSON('[1, null, true, [2]]'))", '1,,true,Array'],
    ["join(fromJSON('[1, 2]'), '')", '12'],
    ['join(github)', ''],
    ['fromJSON(\'{"a": [1, {"b": null}]}\').A[1]', { b: null }],
    ["fromJSON('true')", true],
    ["fromJSON(' 1.50 ')", 1.5],
    ['fromJSON(\'"x"\')', 'x'],
    ['fromJSON(\'{"__proto__": 1, "constructor": 2}\').constructor', 2],
    ["toJSON('a\"b')", '"a\\"b"'],
    ['toJSON(null)', 'null'],
    ['toJSON(fromJSON(\'{"a":[1,{}],"b":[]}\'))', '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}'],
    ['toJSON(needs.*.result)', '[\n  "success",\n  "failure"\n]'],
    ['toJSON(secrets)', 'null'],
    ["case(false, 'a', true, 'b', 'c')", 'b'],
    ["case(false, 'a', 'c')", 'c'],
    ["case(true, 'a', fromJSON('broken'))", 'a'],
  ])('%s is %j', (text, expected) => {
    expect(value(text)).toEqual(expected);
  });

  it.each([
    ["fromJSON('')", 'fromJSON() was given an empty text'],
    ["fromJSON('{secret')", 'fromJSON() was given a text of 7 characters that is not JSON'],
    ["format('{1}', 'a')", 'the format string asks for value {1}, but 1 were given'],
    ["format('{', 'a')", 'the format string has a `{` that is neither doubled nor part of a `{0}`'],
    ["format('{0}}', 'a')", 'the format string has a `}` that is neither doubled nor part of a `{0}`'],
    ["case('x', 1, 2)", 'condition 1 of case() is neither true nor false'],
    ['success()', '`success()` is not available here'],
    ["true || hashFiles('x')", '`hashFiles()` is not available here'],
    ["github[fromJSON('x')]", 'fromJSON() was given a text of 1 characters that is not JSON'],
    ['1 +', '`+` was not expected'],
    ['', 'an expression was expected'],
  ])('%s says that %s', (text, reason) => {
    expect(problem(() => value(text))).toContain(`could not be evaluated: ${reason}`);
  });

  it('never puts a value into an error', () => {
    const secret = { contexts: { secrets: { S: 'hunter2 {' } } };
    for (const text of ['fromJSON(secrets.S)', 'format(secrets.S)', 'case(secrets.S, 1, 2)']) {
      expect(problem(() => evaluateExpression(text, secret))).not.toContain('hunter2');
    }
  });

  it('cuts a long expression in its message', () => {
    expect(problem(() => value(`fromJSON('${'x'.repeat(1_000)}')`)).length).toBeLessThan(300);
  });

  it('ends an expression that would fill the memory', () => {
    const bomb = Array.from({ length: 30 }).reduce<string>((inner) => `format('{0}{0}{0}{0}', ${inner})`, "'xxxxxxxx'");
    expect(problem(() => value(bomb))).toContain('the result is longer than');
    const joined = `join(fromJSON('[${'0,'.repeat(2_000)}0]'), ${"format('{0}{0}{0}{0}{0}{0}{0}{0}', ".repeat(4)}'0123456789'${')'.repeat(4)})`;
    expect(problem(() => value(joined))).toContain('the result is longer than');
  });

  it('ends an expression that would exhaust the stack', () => {
    const deep = { contexts: { env: { JSON: '['.repeat(200_000) + ']'.repeat(200_000) } } };
    expect(problem(() => evaluateExpression('toJSON(fromJSON(env.JSON))', deep))).toContain('it needs too much memory');
    expect(problem(() => value(`1${'==1'.repeat(6_900)}`))).toContain('it needs too much memory');
  });
});

describe('text of values', () => {
  it.each<[Json, string]>([
    [null, ''],
    [true, 'true'],
    [false, 'false'],
    [0, '0'],
    [-0, '0'],
    [20, '20'],
    [1.1, '1.1'],
    [0.1 + 0.2, '0.3'],
    [-1.5, '-1.5'],
    [1234567890123456, '1.23456789012346E+15'],
    [123456789012345, '123456789012345'],
    [123456789.12345679, '123456789.123457'],
    [1e21, '1E+21'],
    [0.0001, '0.0001'],
    [0.00001, '1E-05'],
    [99999999999999990000000, '1E+23'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
    [NaN, 'NaN'],
    [[1], 'Array'],
    [{}, 'Object'],
    ['x', 'x'],
  ])('%j becomes %s', (json, text) => {
    expect(toText(json)).toBe(text);
    expect(evaluateExpression("format('{0}', env)", { contexts: { env: json } })).toBe(text);
  });

  it('shows literals and context numbers alike', () => {
    expect(value("format('{0} {1}', 1e21, github.event.big)")).toBe('1E+21 1.23456789012346E+15');
  });
});

describe('evaluateTemplate', () => {
  it('keeps the type of a string that is one expression, and makes text of any other', () => {
    expect(evaluateTemplate('${{ matrix.node }}', input)).toBe(20);
    expect(evaluateTemplate('v${{ matrix.node }}', input)).toBe('v20');
    expect(evaluateTemplate('${{ matrix.node }}${{ matrix.flag }}', input)).toBe('20false');
    expect(evaluateTemplate(' ${{ matrix.node }}', input)).toBe(' 20');
    expect(evaluateTemplate('${{ needs.*.result }}', input)).toEqual(['success', 'failure']);
    expect(evaluateTemplate("a ${{ 'b }} c' }} d }}", input)).toBe('a b }} c d }}');
    expect(evaluateTemplate('no $ {{ here }}', input)).toBe('no $ {{ here }}');
  });

  it('goes through lists and mappings, keys too', () => {
    expect(
      evaluateTemplate({ 'k-${{ matrix.os }}': ['${{ matrix.node }}', 1, null, { x: '${{ matrix.flag }}' }] }, input),
    ).toEqual({ 'k-linux': [20, 1, null, { x: false }] });
  });

  it('merges the value of an insert key in its place', () => {
    expect(Object.entries(evaluateTemplate({ a: 1, '${{ insert }}': '${{ matrix }}', z: 2 }, input) as object)).toEqual(
      [
        ['a', 1],
        ['os', 'linux'],
        ['node', 20],
        ['flag', false],
        ['nothing', null],
        ['z', 2],
      ],
    );
    expect(problem(() => evaluateTemplate({ '${{insert}}': 'x' }, input))).toContain('its value is not a mapping');
  });

  it('refuses a key that is made twice', () => {
    expect(problem(() => evaluateTemplate({ linux: 1, '${{ matrix.os }}': 2 }, input))).toContain(
      "the key 'linux' is there already",
    );
  });

  it('refuses an expression that is never closed', () => {
    expect(problem(() => evaluateTemplate('a ${{ matrix.os', input))).toContain('it is never closed');
  });

  it('does not evaluate what an expression gave', () => {
    expect(evaluateTemplate("${{ '$' }}{{ matrix.os }}", input)).toBe('${{ matrix.os }}');
  });
});

describe('evaluateText', () => {
  it('makes text as GitHub does', () => {
    expect(evaluateText('${{ matrix.node }}', input)).toBe('20');
    expect(evaluateText(1.5, input)).toBe('1.5');
    expect(evaluateText(null, input)).toBe('');
    expect(evaluateText('${{ matrix.nothing }}', input)).toBe('');
    expect(evaluateText('x${{ needs }}', input)).toBe('xObject');
  });

  it('refuses a list or a mapping', () => {
    expect(problem(() => evaluateText('${{ needs }}', input))).toContain('it is a mapping where text was expected');
    expect(problem(() => evaluateText('${{ needs.* }}', input))).toContain('it is a list where text was expected');
  });
});

describe('evaluateCondition', () => {
  const ok = { ...input, status: { success: true, failure: false, cancelled: false } };
  const failed = { ...input, status: { success: false, failure: true, cancelled: false } };
  const cancelled = { ...input, status: { success: false, failure: false, cancelled: true } };

  it.each<[string | null, boolean, boolean, boolean]>([
    // condition, after success, after failure, when cancelled
    [null, true, false, false],
    ['', true, false, false],
    [' \n', true, false, false],
    ['success()', true, false, false],
    ['failure()', false, true, false],
    ['cancelled()', false, false, true],
    ['always()', true, true, true],
    ['ALWAYS()', true, true, true],
    ['!cancelled()', true, true, false],
    ['${{ failure() }}', false, true, false],
    ['true', true, false, false],
    ["matrix.os == 'linux'", true, false, false],
    ["${{ matrix.os == 'linux' }}", true, false, false],
    ["${{ matrix.os == 'linux' }}\n", true, false, false],
    ['matrix.os', true, false, false],
    ['matrix.flag', false, false, false],
    ['false', false, false, false],
    ["matrix.os == 'mac' || failure()", false, true, false],
    ["contains(toJSON(always()), 'true')", true, true, true],
    ["github.ref == 'always()'", false, false, false],
    ["'always()'", true, false, false],
    ['false || true && !failure()', true, false, true],
    // a text around an expression makes a text of it, which is true
    ['${{ false }} && false', true, false, false],
    ['${{ always() }} and false', true, true, true],
  ])('%j: after success %s, after failure %s, when cancelled %s', (condition, ...expected) => {
    expect([ok, failed, cancelled].map((each) => evaluateCondition(condition, each))).toEqual(expected);
  });

  it('fails for a condition that does not parse, whatever the status', () => {
    expect(problem(() => evaluateCondition('a ==', failed))).toContain('the expression ends too early');
  });
});
