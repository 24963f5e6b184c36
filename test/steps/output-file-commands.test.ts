import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type FileCommands,
  type FileCommandVariable,
  MAX_FILE_COMMAND_BYTES,
  MAX_SUMMARY_BYTES,
  openFileCommands,
} from '../../src/steps/file-commands.ts';
import { decodeText, parsePairs, parsePathLines } from '../../src/steps/parse-file-command.ts';

describe('pairs', () => {
  const cases: [name: string, text: string, pairs: [string, string][], problem?: RegExp][] = [
    ['nothing', '', []],
    ['one', 'a=1\n', [['a', '1']]],
    ['without a last break', 'a=1', [['a', '1']]],
    [
      'empty lines between',
      '\n\na=1\n\n\nb=2\n\n',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['nothing is trimmed', ' a = 1 \n', [[' a ', ' 1 ']]],
    ['an empty value', 'a=\n', [['a', '']]],
    ['the first = separates', 'a=b=c==\n', [['a', 'b=c==']]],
    ['<< after = is value', 'a=<<X\n', [['a', '<<X']]],
    [
      'the same name twice, in order',
      'a=1\na=2\n',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    [
      'a CR is part of its line',
      'a=1\r\nb=2\r\n',
      [
        ['a', '1\r'],
        ['b', '2\r'],
      ],
    ],
    ['a line of one CR is no empty line', 'a=1\n\r\n', [['a', '1']], /Invalid format/],
    ['several lines', 'a<<X\n1\n2\nX\n', [['a', '1\n2']]],
    ['no lines', 'a<<X\nX\n', [['a', '']]],
    ['one empty line', 'a<<X\n\nX\n', [['a', '']]],
    ['two empty lines', 'a<<X\n\n\nX\n', [['a', '\n']]],
    ['inner breaks as they were', 'a<<X\n1\r\n\n 2\nX\n', [['a', '1\r\n\n 2']]],
    ['the delimiter may be the unterminated last line', 'a<<X\n1\nX', [['a', '1']]],
    ['the delimiter is the rest of its line', 'a<< X=<<Y \n1\n X=<<Y \n', [['a', '1']]],
    ['only a line that is the delimiter', 'a<<X\nXX\n X\nX \nX\n', [['a', 'XX\n X\nX ']]],
    [
      'lines of the form of a pair inside',
      'a<<X\nb=1\nc<<Y\nX\nd=2\n',
      [
        ['a', 'b=1\nc<<Y'],
        ['d', '2'],
      ],
    ],
    ['<< before = has a delimiter with =', 'a<<X=1\nv\nX=1\n', [['a', 'v']]],
    ['neither form', 'a=1\nb\nc=3\n', [['a', '1']], /Invalid format 'b'/],
    ['a blank line that is not empty', ' \n', [], /Invalid format ' '/],
    ['no name', '=1\n', [], /'=1' has no name/],
    ['no name before <<', '<<X\n1\nX\n', [], /name and the delimiter must not be empty/],
    ['no delimiter', 'a<<\n1\n', [], /name and the delimiter must not be empty/],
    ['no end', 'z=1\na<<END\n1\n', [['z', '1']], /delimiter.*END/],
    ['no end, no lines', 'a<<X', [], /delimiter/],
    ['a last line that only begins like the delimiter', 'a<<XY\n1\nX', [], /delimiter/],
  ];
  it.each(cases.map(([name, text, pairs, problem]) => [name, text, pairs, problem ?? null] as const))(
    '%s',
    (_, text, pairs, problem) => {
      const parsed = parsePairs(text, 'linux');
      expect(parsed.pairs).toEqual(pairs);
      if (problem === null) expect(parsed.problem).toBeNull();
      else expect(parsed.problem).toMatch(problem);
    },
  );

  it('on Windows CR LF ends a line', () => {
    expect(parsePairs('a=1\r\n\r\nb<<X\r\n1\r\n2\r\nX\r\n', 'win32')).toEqual({
      pairs: [
        ['a', '1'],
        ['b', '1\r\n2'],
      ],
      problem: null,
    });
  });

  it('any value comes back through a delimiter that is no line of it', () => {
    const value = fc.string({ unit: fc.constantFrom('a', 'END', '\n', '\r', '=', '<<', ' ', '\ufeff', '😀') });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.stringMatching(/^[A-Za-z_.]+$/), value)), (pairs) => {
        const text = pairs.map(([name, lines]) => `${name}<<no line\n${lines}\nno line\n`).join('');
        expect(parsePairs(text, 'linux')).toEqual({ pairs, problem: null });
      }),
    );
  });

  it('any text at all is read without a throw', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'X', '\n', '\r', '=', '<<', ' ') });
    fc.assert(
      fc.property(text, (any) => expect(parsePairs(any, 'linux').pairs.length).toBeLessThanOrEqual(any.length)),
    );
  });
});

describe('bytes', () => {
  const text = 'ä=ö\nb=2\n';
  const swapped = Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16 little endian', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16 big endian', swapped],
  ])('%s', (_, bytes) => expect(decodeText(bytes)).toBe(text));

  it('invalid UTF-8 becomes replacement characters', () => {
    expect(decodeText(Buffer.from([97, 61, 0xff]))).toBe('a=\ufffd');
  });

  it('path lines end at any break, empty ones do not count', () => {
    expect(parsePathLines('/a\n\n/b b\r\n/c\r/d ')).toEqual(['/a', '/b b', '/c', '/d ']);
  });
});

describe('the files of a step', () => {
  let directory = '';
  let commands: FileCommands;
  const write = (variable: FileCommandVariable, text: string | Buffer): void =>
    writeFileSync(commands.variables[variable], text);

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'paceline-files-'));
    commands = await openFileCommands(directory, '7.2');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const nothing = {
    effects: { outputs: new Map(), env: new Map(), path: [] },
    state: new Map(),
    summary: null,
    problems: [],
    requests: [],
    failed: false,
  };

  it('are there, empty, one set for each step', async () => {
    const other = await openFileCommands(directory, '7.3');
    const paths = [...Object.values(commands.variables), ...Object.values(other.variables)];
    expect(new Set(paths).size).toBe(10);
    expect(paths.every((path) => existsSync(path))).toBe(true);
    expect(await commands.read()).toEqual(nothing);
  });

  it('say everything at once', async () => {
    write('GITHUB_ENV', 'A=1\nB<<E\n2\n3\nE\n');
    write('GITHUB_OUTPUT', 'o=1\no=2\n');
    write('GITHUB_PATH', '/one\n/two\n');
    write('GITHUB_STATE', 'Key=1\nkEY=2\n');
    write('GITHUB_STEP_SUMMARY', '# Done\n');
    expect(await commands.read()).toEqual({
      effects: {
        env: new Map([
          ['A', '1'],
          ['B', '2\n3'],
        ]),
        outputs: new Map([['o', '2']]),
        path: ['/one', '/two'],
      },
      state: new Map([['Key', '2']]),
      summary: '# Done\n',
      problems: [],
      requests: [],
      failed: false,
    });
  });

  it('count up to the line that cannot be read, and the step fails', async () => {
    write('GITHUB_OUTPUT', 'a=1\nbad line\nb=2\n');
    write('GITHUB_ENV', 'A=1\n');
    const { effects, problems, failed } = await commands.read();
    expect([...effects.outputs]).toEqual([['a', '1']]);
    expect([...effects.env]).toEqual([['A', '1']]);
    expect(failed).toBe(true);
    expect(problems).toEqual([expect.stringContaining('GITHUB_OUTPUT'), expect.stringContaining("'bad line'")]);
  });

  it('cannot set NODE_OPTIONS, which fails nothing', async () => {
    write('GITHUB_ENV', 'A=1\nnode_Options=--require x\nB=2\n');
    const { effects, problems, failed } = await commands.read();
    expect([...effects.env.keys()]).toEqual(['A', 'B']);
    expect(problems).toEqual([expect.stringContaining('NODE_OPTIONS')]);
    expect(failed).toBe(false);
  });

  it('that are gone say nothing', async () => {
    rmSync(directory, { recursive: true });
    expect(await commands.read()).toEqual(nothing);
    await commands.remove();
  });

  it.each([
    ['a folder', (path: string): unknown => mkdirSync(path)],
    ['a FIFO', (path: string): unknown => execFileSync('mkfifo', [path])],
  ])('replaced by %s fail the step', async (_, make) => {
    rmSync(commands.variables.GITHUB_OUTPUT);
    make(commands.variables.GITHUB_OUTPUT);
    expect(await commands.read()).toMatchObject({
      failed: true,
      problems: [expect.stringContaining('GITHUB_OUTPUT'), expect.any(String)],
    });
  });

  it('that are huge are refused', async () => {
    truncateSync(commands.variables.GITHUB_ENV, MAX_FILE_COMMAND_BYTES + 1);
    const { failed, problems } = await commands.read();
    expect(failed).toBe(true);
    expect(problems.at(-1)).toContain(String(MAX_FILE_COMMAND_BYTES));
  });

  it('may hold a value of megabytes', async () => {
    const value = 'v'.repeat(5_000_000);
    write('GITHUB_OUTPUT', `a<<E\n${value}\nE\n`);
    expect((await commands.read()).effects.outputs.get('a')).toBe(value);
  });

  it('a summary of 1 MiB is kept, one byte more is left out and fails nothing', async () => {
    write('GITHUB_STEP_SUMMARY', 'x'.repeat(MAX_SUMMARY_BYTES));
    expect((await commands.read()).summary).toHaveLength(MAX_SUMMARY_BYTES);
    write('GITHUB_STEP_SUMMARY', 'x'.repeat(MAX_SUMMARY_BYTES + 1));
    expect(await commands.read()).toMatchObject({
      summary: null,
      failed: false,
      problems: [expect.stringMatching(/1025 KiB.*1024 KiB/)],
    });
  });

  it('are removed together', async () => {
    await commands.remove();
    expect(Object.values(commands.variables).some((path) => existsSync(path))).toBe(false);
  });

  it('cannot be made in a folder that is missing', async () => {
    await expect(openFileCommands(join(directory, 'missing'), '1')).rejects.toThrow('ENOENT');
  });
});
