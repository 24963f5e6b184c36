import { describe, expect, it } from '@jest/globals';
import { AVAILABILITY } from '../../src/expressions/availability.ts';
import { checkCondition, checkTemplate, references } from '../../src/expressions/check.ts';

const run = AVAILABILITY['step.run'];
const jobIf = AVAILABILITY['job.if'];

/** The text that each problem points at, and its message. */
function found(text: string, availability: { contexts: readonly string[]; functions: readonly string[] } = run) {
  return checkTemplate(text, availability).map(
    ({ offset, length, message }) => [text.slice(offset, offset + length), message] as const,
  );
}

describe('checkTemplate', () => {
  it.each([
    'plain text',
    'a }} b {{ c',
    '${{ github.ref }}',
    "${{ 'a }} b' }} and ${{ 'it''s' }}",
    "${{ steps.a.outputs.x }}-${{ hashFiles('**/*.lock', '!x') }}",
    "${{ contains(github.event.commits.*.message, 'x') && matrix['a b'] || null }}",
    "${{ case(true, 'a', 'b') }}",
    '${{ FROMJSON(toJson(ENV)) }}',
    "${{ format('{0}', 1.5e3) != 0x1F }}",
    "${{ 'first\nsecond' }}",
  ])('accepts %s', (text) => {
    expect(checkTemplate(text, run)).toEqual([]);
  });

  it.each([
    ['${{ github.ref', '${{', 'the expression that starts here is never closed, `}}` was expected'],
    ["${{ 'a }}", '${{', 'the expression that starts here is never closed, `}}` was expected'],
    ['${{ }}', ' ', 'an expression was expected'],
    ['x ${{ foo(1) }}', 'foo', 'there is no function `foo`'],
    ['${{ constructor(1) }}', 'constructor', 'there is no function `constructor`'],
    ['${{ contains(1) }}', 'contains', '`contains()` takes 2 arguments'],
    ['${{ toJSON(1, 2) }}', 'toJSON', '`toJSON()` takes 1 argument'],
    ['${{ join() }}', 'join', '`join()` takes 1 to 2 arguments'],
    ['${{ hashFiles() }}', 'hashFiles', '`hashFiles()` takes at least 1 argument'],
    ["${{ case(true, 'a', false, 'b') }}", 'case', '`case()` takes pairs of a condition and a value, then one default'],
    ["${{ format('a',) }}", ',', 'an argument is missing after the last `,`'],
    ['${{ "a" }}', '"a"', '`"a"` was not expected; strings are written in single quotes'],
    ['${{ github.ref = 1 }}', '=', '`=` was not expected'],
    ['${{ 1 2 }}', '2', '`2` was not expected'],
    ['${{ (1 }}', '1', 'the expression ends too early'],
    ['${{ 1 && }}', '&&', 'the expression ends too early'],
    ["${{ 'a\nb' == 'c\nd' 7 }}", '7', '`7` was not expected'],
  ])('says what is wrong with %s', (text, place, message) => {
    expect(found(text)).toEqual([[place, message]]);
  });

  it('names the contexts that are available', () => {
    expect(found('${{ secrets.a }}', AVAILABILITY['workflow.concurrency'])).toEqual([
      ['secrets', 'the context `secrets` is not available here; available here: github, inputs, vars'],
    ]);
    expect(found('${{ main }}', AVAILABILITY['action.docker.args'])).toEqual([
      ['main', 'there is no context `main` (text is written in single quotes); available here: inputs'],
    ]);
    expect(found('${{ github }}', { contexts: [], functions: [] })).toEqual([
      ['github', 'the context `github` is not available here; no context is available here'],
    ]);
  });

  it('refuses a status function outside of a condition and hashFiles outside of steps', () => {
    expect(found('${{ success() }}')).toEqual([['success', '`success()` is available in an `if` only']]);
    expect(found("${{ hashfiles('a') }}", AVAILABILITY['job.env'])).toEqual([
      ['hashfiles', '`hashFiles()` is available in steps only'],
    ]);
  });

  it('finds every problem of every expression, in order', () => {
    expect(found('${{ always() || a }} ${{ b }}').map(([place]) => place)).toEqual(['always', 'a', 'b']);
  });

  it('does not take a property for a context or a keyword', () => {
    expect(found("${{ github.foo.true.null['bar'] }}")).toEqual([]);
  });

  it('limits length and depth', () => {
    const [tooLong] = found(`\${{ '${'a'.repeat(21_000)}' }}`);
    expect(tooLong?.[1]).toMatch(/^the expression is 21004 characters long, the limit is 21000$/);
    const [tooDeep] = found(`\${{ ${'('.repeat(60)}1${')'.repeat(60)} }}`);
    expect(tooDeep?.[1]).toBe('the expression is nested too deeply, the limit is 50 levels');
    const [notTooDeep] = found(`\${{ ${'!'.repeat(200)}1 }}`);
    expect(notTooDeep?.[1]).toBe('the expression is nested too deeply, the limit is 50 levels');
  });
});

describe('checkCondition', () => {
  it.each(['', '  ', 'always()', '${{ always() }}', "${{ github.ref == 'x' }}\n", '!cancelled() && needs.a.result'])(
    'accepts %j',
    (text) => {
      expect(checkCondition(text, jobIf)).toEqual([]);
    },
  );

  it('places a problem in the text as it was given', () => {
    expect(checkCondition('success() && matrix.a', jobIf)[0]).toMatchObject({ offset: 13, length: 6 });
    expect(checkCondition(' ${{ matrix.a }}', jobIf)[0]).toMatchObject({ offset: 5, length: 6 });
  });

  it('warns of a condition with text around its expression, which is always true', () => {
    expect(checkCondition("${{ github.ref }} == 'a'", jobIf)).toEqual([
      {
        offset: 0,
        length: 24,
        message: "this condition is always true, because `== 'a'` stands outside of `${{ }}`; put all of it inside",
        severity: 'warning',
      },
    ]);
  });

  it('allows status functions where GitHub does', () => {
    expect(checkCondition('failure()', AVAILABILITY['step.if'])).toEqual([]);
    expect(checkCondition('failure()', AVAILABILITY['job.snapshot.if'])).toHaveLength(1);
  });
});

describe('references', () => {
  it('follows properties and literal indices as far as they are constant', () => {
    expect(references("${{ steps['a'].outputs.x }} ${{ needs.*.result }}", 'template')).toEqual([
      ['steps', 'a', 'outputs', 'x'],
      ['needs'],
    ]);
    expect(references('${{ env[matrix.name].x }}', 'template')).toEqual([['env'], ['matrix', 'name']]);
    expect(references('${{ fromJSON(needs.a.outputs.b)[0].c && !(vars.d) == env.e }}', 'template')).toEqual([
      ['needs', 'a', 'outputs', 'b'],
      ['vars', 'd'],
      ['env', 'e'],
    ]);
  });

  it('reads a condition with and without the markers, and nothing from what does not parse', () => {
    expect(references('steps.a.outcome', 'condition')).toEqual([['steps', 'a', 'outcome']]);
    expect(references('${{ steps.a.outcome }}', 'condition')).toEqual([['steps', 'a', 'outcome']]);
    expect(references('${{ steps.a }} or ${{ env.b }}', 'condition')).toEqual([
      ['steps', 'a'],
      ['env', 'b'],
    ]);
    expect(references('', 'condition')).toEqual([]);
    expect(references('${{ steps.a. }}', 'template')).toEqual([]);
    expect(references(`\${{ env.a${'==1'.repeat(6_900)} }}`, 'template')).toEqual([['env', 'a']]);
  });
});
