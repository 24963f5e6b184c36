import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_MATCHED_CHARACTERS } from '../../src/steps/match-lines.ts';
import { MatcherSet, MAX_MATCHERS } from '../../src/steps/matcher-set.ts';
import { parseProblemMatchers } from '../../src/steps/parse-problem-matchers.ts';
import { keepLog, type KeptLog } from './output-harness.ts';

type Matcher = Record<string, unknown>;

const fileOf = (...matchers: Matcher[]): string => JSON.stringify({ problemMatcher: matchers });
const simple = (owner: string, word: string, rest: Matcher = {}): Matcher => ({
  owner,
  pattern: [{ regexp: `^${word} (.*)$`, message: 1 }],
  ...rest,
});

describe('the file', () => {
  const pattern = { regexp: '(a)(b)', message: 1 };
  const refused: [name: string, text: string, message: RegExp][] = [
    ['no JSON', '{', /JSON/],
    ['no object', '[]', /The file must be an object/],
    ['matchers that are no list', '{"problemMatcher":{}}', /'problemMatcher' must be a list/],
    ['a matcher that is no object', fileOf(null as never), /A matcher must be an object/],
    ['no owner', fileOf({ pattern: [pattern] }), /needs an 'owner'/],
    ['an owner twice', fileOf({ owner: 'm', pattern: [pattern] }, { owner: 'M', pattern: [pattern] }), /owner 'M'/],
    ['an unknown severity', fileOf({ owner: 'm', severity: 'fatal', pattern: [pattern] }), /'fatal'/],
    ['no pattern', fileOf({ owner: 'm' }), /no 'pattern'/],
    ['an empty list of patterns', fileOf({ owner: 'm', pattern: [] }), /no 'pattern'/],
    ['no expression', fileOf({ owner: 'm', pattern: [{ message: 1 }] }), /needs a 'regexp'/],
    ['an invalid expression', fileOf({ owner: 'm', pattern: [{ regexp: '(', message: 1 }] }), /no regular expression/],
    ['a group out of range', fileOf({ owner: 'm', pattern: [{ ...pattern, message: 3 }] }), /groups 0 to 2/],
    ['a negative group', fileOf({ owner: 'm', pattern: [{ ...pattern, line: -1 }] }), /'line'/],
    ['a group that is text', fileOf({ owner: 'm', pattern: [{ ...pattern, file: 'x' }] }), /'file'/],
    ['no message', fileOf({ owner: 'm', pattern: [{ regexp: 'a' }] }), /must set 'message'/],
    ['a property twice', fileOf({ owner: 'm', pattern: [pattern, pattern] }), /'message' in more than one/],
    ['loop on a single pattern', fileOf({ owner: 'm', pattern: [{ ...pattern, loop: true }] }), /'loop'/],
    ['loop before the last', fileOf({ owner: 'm', pattern: [{ regexp: 'a', loop: true }, pattern] }), /'loop'/],
    [
      'loop without message',
      fileOf({ owner: 'm', pattern: [pattern, { regexp: 'a', loop: true }] }),
      /'loop' must set/,
    ],
  ];
  it.each(refused)('%s is refused', (_, text, message) => {
    expect(parseProblemMatchers(text)).toEqual({ kind: 'problem', message: expect.stringMatching(message) });
  });

  it.each([
    ['a byte order mark', `\ufeff${fileOf(simple('m', 'A'))}`, 1],
    ['no matchers', '{}', 0],
    ['several', fileOf(simple('a', 'A'), simple('b', 'B')), 2],
    [
      'every property',
      fileOf({
        owner: 'm',
        severity: 'WARNING',
        fromPath: 'a/b',
        pattern: [
          {
            regexp: '(.)(.)(.)(.)(.)(.)(.)',
            file: 1,
            line: 2,
            column: 3,
            severity: 4,
            code: 5,
            message: 6,
            fromPath: 7,
          },
        ],
      }),
      1,
    ],
    ['groups as text', fileOf({ owner: 'm', pattern: [{ regexp: '(a)', message: '1' }] }), 1],
    ['the whole match as a property', fileOf({ owner: 'm', pattern: [{ regexp: 'a', message: 0 }] }), 1],
  ])('%s is allowed', (_, text, count) => {
    const parsed = parseProblemMatchers(text);
    expect(parsed.kind === 'matchers' && parsed.matchers).toHaveLength(count);
  });
});

describe('matching', () => {
  let workspace = '';
  beforeAll(() => {
    workspace = mkdtempSync(join(tmpdir(), 'paceline-matchers-'));
    mkdirSync(join(workspace, 'sub/deep'), { recursive: true });
    for (const file of ['a.c', 'sub/b.c', 'sub/deep/c.c']) writeFileSync(join(workspace, file), '');
    symlinkSync('/dev/null', join(workspace, 'null.c'));
  });
  afterAll(() => rmSync(workspace, { recursive: true }));

  function logOf(...matchers: Matcher[]): KeptLog {
    const kept = keepLog({ workspace, matchers: new MatcherSet(100) });
    add(kept, ...matchers);
    return kept;
  }
  function add(kept: KeptLog, ...matchers: Matcher[]): void {
    const parsed = parseProblemMatchers(fileOf(...matchers));
    if (parsed.kind === 'problem') throw new Error(parsed.message);
    expect(kept.matchers.add(parsed.matchers)).toBeNull();
  }
  /** What is reported for the lines, written one by one. */
  function report(kept: KeptLog, lines: readonly string[]): unknown[] {
    const output = kept.open();
    for (const line of lines) output.write(Buffer.from(`${line}\n`));
    output.end();
    return kept.annotations.map((annotation) =>
      Object.fromEntries(Object.entries(annotation).filter(([, value]) => value !== null)),
    );
  }

  const gcc = {
    owner: 'gcc',
    pattern: [
      {
        regexp: '^(.*):(\\d+):(\\d+):\\s+(?:fatal )?(warning|error|info):\\s+(.*)$',
        file: 1,
        line: 2,
        column: 3,
        severity: 4,
        message: 5,
      },
    ],
  };
  const eslint = {
    owner: 'eslint',
    pattern: [
      { regexp: '^([^\\s].*)$', file: 1 },
      {
        regexp: '^\\s+(\\d+):(\\d+)\\s+(error|warning)\\s+(.*)\\s\\s+(.*)$',
        line: 1,
        column: 2,
        severity: 3,
        message: 4,
        code: 5,
        loop: true,
      },
    ],
  };

  it('one line: the line is marked and reported', () => {
    const kept = logOf(gcc);
    expect(report(kept, ['before', 'a.c:3:7: warning: unused', 'after'])).toEqual([
      { level: 'warning', message: 'unused', file: 'a.c', line: 3, column: 7 },
    ]);
    expect(kept.lines()).toEqual(['before', '##[warning]a.c:3:7: warning: unused', 'after']);
  });

  it('colours do not hide a problem, and are not in the marked line', () => {
    const kept = logOf(gcc);
    expect(report(kept, ['\u001b[1ma.c:3:7:\u001b[0m \u001b[31merror:\u001b[m broken'])).toHaveLength(1);
    expect(kept.lines()).toEqual(['##[error]a.c:3:7: error: broken']);
  });

  it('an unknown severity and an empty message are just lines', () => {
    const kept = logOf(gcc, simple('m', 'EMPTY'));
    expect(report(kept, ['a.c:3:7: info: x', 'EMPTY '])).toEqual([]);
    expect(kept.lines()).toEqual(['a.c:3:7: info: x', 'EMPTY ']);
  });

  it.each([
    ['', 'error'],
    ['notice', 'notice'],
    ['Warning', 'warning'],
  ])('the default severity %j is %s', (severity, level) => {
    expect(report(logOf(simple('m', 'X', { severity })), ['X y'])).toEqual([{ level, message: 'y' }]);
  });

  it('lines that are no numbers are left out', () => {
    const matcher = { owner: 'm', pattern: [{ regexp: '^(\\w+) (.*)$', line: 1, message: 2 }] };
    expect(report(logOf(matcher), ['x broken', '7 broken'])).toMatchObject([{ message: 'broken' }, { line: 7 }]);
  });

  it('loop: the first lines stand for every line that follows', () => {
    const kept = logOf(eslint);
    const lines = [
      'a.c',
      '  1:2  error  one  rule-a',
      '  3:4  warning  two  rule-b',
      '',
      '  5:6  error  three  rule-c',
    ];
    expect(report(kept, lines)).toEqual([
      { level: 'error', message: 'one', file: 'a.c', line: 1, column: 2 },
      { level: 'warning', message: 'two', file: 'a.c', line: 3, column: 4 },
    ]);
  });

  it('several patterns need consecutive lines', () => {
    const matcher = {
      owner: 'm',
      pattern: [
        { regexp: '^file (.*)$', file: 1 },
        { regexp: '^line (\\d+)$', line: 1 },
        { regexp: '^say (.*)$', message: 1 },
      ],
    };
    const one = ['file a.c', 'line 1', 'say x'];
    expect(report(logOf(matcher), [...one, 'say y', ...one])).toHaveLength(2);
    expect(report(logOf(matcher), ['file a.c', 'line 1', '', 'say x'])).toEqual([]);
    expect(report(logOf(matcher), ['file a.c', 'file sub/b.c', 'line 1', 'say x'])).toEqual([
      { level: 'error', message: 'x', file: 'sub/b.c', line: 1 },
    ]);
    expect(report(logOf(matcher), ['line 1', 'say x'])).toEqual([]);
  });

  it('four patterns: a line twice does not revive what was passed', () => {
    const matcher = {
      owner: 'm',
      pattern: [{ regexp: '^a$' }, { regexp: '^b$' }, { regexp: '^c$' }, { regexp: '^d$', message: 0 }],
    };
    expect(report(logOf(matcher), ['a', 'b', 'c', 'c', 'd'])).toEqual([]);
    expect(report(logOf(matcher), ['a', 'b', 'c', 'd'])).toHaveLength(1);
  });

  it('a property of an earlier pattern stands', () => {
    const matcher = {
      owner: 'm',
      pattern: [
        { regexp: '^(w?)$', severity: 1 },
        { regexp: '^(.+)$', message: 1 },
      ],
    };
    expect(report(logOf(matcher), ['', 'x'])).toEqual([{ level: 'error', message: 'x' }]);
  });

  it('the first matcher that finds something has the line; the progress of the others is gone', () => {
    const two = {
      owner: 'two',
      pattern: [
        { regexp: '^(.*)$', file: 1 },
        { regexp: '^then (.*)$', message: 1 },
      ],
    };
    expect(report(logOf(simple('one', 'X'), two), ['X a', 'then b', 'a.c', 'then c'])).toEqual([
      { level: 'error', message: 'a' },
      { level: 'error', message: 'c', file: 'a.c' },
    ]);
  });

  it('a newer matcher comes first, and one of the same owner replaces', () => {
    const kept = logOf(simple('old', 'X', { severity: 'notice' }));
    add(kept, simple('new', 'X', { severity: 'warning' }));
    report(kept, ['X 1']);
    add(kept, simple('NEW', 'X', { severity: 'error' }));
    report(kept, ['X 2']);
    kept.matchers.remove(['New']);
    expect(report(kept, ['X 3'])).toEqual([
      { level: 'warning', message: '1' },
      { level: 'error', message: '2' },
      { level: 'notice', message: '3' },
    ]);
  });

  it('every output has its own progress', () => {
    const kept = logOf(eslint);
    const [one, other] = [kept.open(), kept.open()];
    one.write(Buffer.from('a.c\n'));
    other.write(Buffer.from('sub/b.c\n'));
    one.write(Buffer.from('  1:2  error  one  r\n'));
    other.write(Buffer.from('  1:2  error  two  r\n'));
    one.end();
    other.end();
    expect(kept.annotations.map(({ file, message }) => [file, message])).toEqual([
      ['a.c', 'one'],
      ['sub/b.c', 'two'],
    ]);
  });

  it('a command is not matched, and does not break a sequence', () => {
    const kept = logOf(simple('m', '.*'), eslint);
    kept.matchers.remove(['m']);
    report(kept, ['a.c', '::group::x y', '  1:2  error  one  r']);
    expect(kept.annotations).toMatchObject([{ file: 'a.c' }]);
  });

  it.each([
    ['a.c', undefined, 'a.c'],
    ['./sub/../a.c', undefined, 'a.c'],
    ['sub/b.c', undefined, 'sub/b.c'],
    ['b.c', 'sub/project.x', 'sub/b.c'],
    ['deep/c.c', 'sub/project.x', 'sub/deep/c.c'],
    ['missing.c', undefined, null],
    ['sub', undefined, null],
    ['/etc/passwd', undefined, null],
    ['../../../../../../etc/passwd', undefined, null],
    ['null.c', undefined, null],
    ['a\0.c', undefined, null],
  ])('the file %j, from %j, is %j', (file, fromPath, expected) => {
    const matcher = { owner: 'm', fromPath, pattern: [{ regexp: '^(.*?)\\|(.*)$', file: 1, message: 2 }] };
    expect(report(logOf(matcher), [`${file}|x`])).toEqual([
      { level: 'error', message: 'x', ...(expected === null ? {} : { file: expected }) },
    ]);
  });

  it('an absolute file below the workspace is relative to it, and fromPath may be captured', () => {
    const matcher = { owner: 'm', pattern: [{ regexp: '^(.*?)\\|(.*?)\\|(.*)$', file: 1, fromPath: 2, message: 3 }] };
    expect(report(logOf(matcher), [`${workspace}/sub/b.c|x|m`, `c.c|${workspace}/sub/deep/p|m`])).toMatchObject([
      { file: 'sub/b.c' },
      { file: 'sub/deep/c.c' },
    ]);
  });

  it('blocks of many lines are matched like single lines, ten problems become annotations', () => {
    const kept = logOf(simple('m', 'X'));
    kept.run(Array.from({ length: 3_000 }, (_, n) => (n % 3 === 0 ? `X ${n}\n` : `line ${n}\n`)).join(''));
    expect(kept.lines()[2_997]).toBe('##[error]X 2997');
    expect(kept.lines()[2_998]).toBe('line 2998');
    expect(kept.lines()).toHaveLength(3_000);
    expect(kept.annotations).toHaveLength(10);
  });

  it('a line that is too long matches nothing and breaks a sequence', () => {
    const kept = logOf(simple('m', 'X'), eslint);
    const long = 'x'.repeat(MAX_MATCHED_CHARACTERS);
    expect(report(kept, [`X ${long}`, 'a.c', ` ${long}`, '  1:2  error  one  r'])).toEqual([]);
  });

  it('secrets are masked in the marked line and in the annotation', () => {
    const kept = logOf(simple('m', 'X'));
    kept.masker.add('hunter2');
    expect(report(kept, ['X hunter2'])).toEqual([{ level: 'error', message: '***' }]);
    expect(kept.lines()).toEqual(['##[error]X ***']);
  });

  it('an expression that takes too long is interrupted, and its matcher removed at the third line', () => {
    const kept = logOf({ owner: 'slow', pattern: [{ regexp: '^(a+)+$', message: 0 }] }, simple('m', 'X'));
    const trap = `${'a'.repeat(60)}!`;
    report(kept, ['X 1', trap, `X 2\n${trap}\nX 3\n${trap}\nX 4\n${trap}`, 'X 5']);
    expect(kept.matchers.matchers.map(({ owner }) => owner)).toEqual(['m']);
    expect(kept.annotations.map(({ message }) => message)).toEqual([
      ...['1', '2', '3', '4'],
      expect.stringContaining("'slow'"),
      '5',
    ]);
    expect(kept.lines().filter((line) => line === trap)).toHaveLength(4);
  });

  it('a job has so many matchers and no more', () => {
    const kept = logOf(...Array.from({ length: MAX_MATCHERS }, (_, n) => simple(`m${n}`, 'X')));
    expect(kept.matchers.add([{ owner: 'more', severity: '', fromPath: null, patterns: [] }])).toContain(
      String(MAX_MATCHERS),
    );
    expect(kept.matchers.matchers).toHaveLength(MAX_MATCHERS);
  });
});
