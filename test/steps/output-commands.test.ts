import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fixPlace, type Place } from '../../src/steps/command-annotation.ts';
import { parseWorkflowCommand } from '../../src/steps/parse-workflow-command.ts';
import { keepLog } from './output-harness.ts';

describe('parsing', () => {
  const cases: [line: string, expected: [name: string, properties: Record<string, string>, data: string] | null][] = [
    ['::cmd::', ['cmd', {}, '']],
    ['::cmd::data', ['cmd', {}, 'data']],
    [' \t::CMD::data ', ['cmd', {}, 'data ']],
    ['::cmd k=v::data', ['cmd', { k: 'v' }, 'data']],
    ['::cmd  K1=v1,,k2=a=b , k3=v3 ::d', ['cmd', { k1: 'v1', k2: 'a=b ', ' k3': 'v3' }, 'd']],
    ['::cmd k1=,k2=v,k3::d', ['cmd', { k2: 'v' }, 'd']],
    ['::cmd k=1,k=2::d', ['cmd', { k: '2' }, 'd']],
    ['::cmd::a::b', ['cmd', {}, 'a::b']],
    ['::cmd k=%0D%0A%3A%2C%25%253A::%0D%0A%25%250A%3A%2C%5D', ['cmd', { k: '\r\n:,%%3A' }, '\r\n%%0A%3A%2C%5D']],
    ['::cmd::%0a%0d', ['cmd', {}, '%0a%0d']],
    ['::cmd', null],
    [':cmd::', null],
    ['x::cmd::', null],
    ['::other::data', null],
    ['::cmdx::', null],
    [':: cmd::', null],
    ['', null],
    ['##[cmd]', ['cmd', {}, '']],
    ['##[cmd]data', ['cmd', {}, 'data']],
    ['text before ##[Cmd k1=v1;k2=v2]data]', ['cmd', { k1: 'v1', k2: 'v2' }, 'data]']],
    ['##[cmd k=%3B%0D%0A%5D%25%253B]%3B%0D%0A%5D%25%2C', ['cmd', { k: ';\r\n]%%3B' }, ';\r\n]%%2C']],
    ['##[cmd k=;j=v]', ['cmd', { j: 'v' }, '']],
    ['##[cmd', null],
    ['##[other]x ##[cmd]y', null],
    ['##[ cmd]', null],
    ['::other::##[cmd]y', ['cmd', {}, 'y']],
  ];
  it.each(cases)('%j', (line, expected) => {
    const command = parseWorkflowCommand(line, (name) => name === 'cmd');
    expect(command && [command.name, Object.fromEntries(command.properties), command.data]).toEqual(expected);
  });
});

describe('the place of an annotation', () => {
  type Four = [line: number | null, endLine: number | null, column: number | null, endColumn: number | null];
  const cases: [name: string, given: Four, fixed: Four][] = [
    ['all of it', [1, 1, 2, 3], [1, 1, 2, 3]],
    ['nothing', [null, null, null, null], [null, null, null, null]],
    ['an end line alone is the line', [null, 4, null, null], [4, 4, null, null]],
    ['an end column alone is the column', [1, null, null, 5], [1, null, 5, 5]],
    ['columns need a line', [null, null, 1, 2], [null, null, null, null]],
    ['columns need one line', [1, 2, 3, 4], [1, 2, null, null]],
    ['lines in the wrong order', [5, 2, null, null], [null, null, null, null]],
    ['columns in the wrong order', [1, null, 5, 2], [1, null, null, null]],
  ];
  const place = ([line, endLine, column, endColumn]: Four): Place => ({ line, endLine, column, endColumn });
  it.each(cases)('%s', (_, given, fixed) => expect(fixPlace(place(given))).toEqual(place(fixed)));
});

describe('annotations', () => {
  const nowhere = { title: null, file: null, line: null, endLine: null, column: null, endColumn: null };

  it.each(['error', 'warning', 'notice'] as const)('%s is a line of the log and an annotation', (level) => {
    const kept = keepLog();
    expect(kept.run(`::${level} file=/workspace/src/a.c,line=3,col=2,title=T::it%0Abroke\n`).failed).toBe(false);
    expect(kept.lines()).toEqual([`##[${level}]it`, 'broke']);
    expect(kept.annotations).toEqual([
      { level, message: 'it\nbroke', title: 'T', file: 'src/a.c', line: 3, endLine: null, column: 2, endColumn: null },
    ]);
  });

  it.each([
    ['src/a.c', 'src/a.c'],
    ['/workspace/a.c', 'a.c'],
    ['/workspace/../other/a.c', '/workspace/../other/a.c'],
    ['/workspace2/a.c', '/workspace2/a.c'],
  ])('the file %s is reported as %s', (given, reported) => {
    const kept = keepLog();
    kept.run(`::error file=${given}::x\n`);
    expect(kept.annotations[0]!.file).toBe(reported);
  });

  it('what is no number is no line', () => {
    const kept = keepLog();
    kept.run('::error file=a,line=3x,endLine=4::x\n');
    expect(kept.annotations).toMatchObject([{ line: 4, endLine: 4 }]);
  });

  it('are masked, then cut', () => {
    const kept = keepLog();
    kept.masker.add('hunter2');
    kept.run(`::error file=hunter2,title=hunter2::${'hunter2 '.repeat(2_000)}\n`);
    expect(kept.annotations).toEqual([
      { ...nowhere, level: 'error', title: '***', file: '***', message: '*** '.repeat(1_024) },
    ]);
  });

  it('ten of each level; ten thousand commands stay in the log', () => {
    const kept = keepLog();
    const output = Array.from({ length: 10_000 }, (_, n) => `::${n % 2 === 0 ? 'warning' : 'error'}::number ${n}\n`);
    kept.run(output.join(''));
    kept.log.annotate({ ...nowhere, level: 'notice', message: 'own' });
    expect(kept.annotations).toHaveLength(21);
    expect(kept.lines()).toHaveLength(10_001);
    expect(kept.lines()[9_998]).toBe('##[warning]number 9998');
  });
});

describe('commands that print', () => {
  it('groups', () => {
    const kept = keepLog();
    kept.run('::group::My  group\nin it\n::endgroup::ignored\n##[group]v1\n##[endgroup]\n');
    expect(kept.lines()).toEqual(['##[group]My  group', 'in it', '##[endgroup]', '##[group]v1', '##[endgroup]']);
  });

  it('debug, only with step debug logging', () => {
    const [quiet, loud] = [keepLog(), keepLog({ debug: true })];
    for (const kept of [quiet, loud]) kept.run('::debug::a%0Ab\n');
    expect(quiet.text()).toBe('');
    expect(loud.lines()).toEqual(['##[debug]a', '##[debug]b']);
  });

  it('names that are not commands are text, in order', () => {
    const kept = keepLog();
    kept.run('a\n::set-foo::x\nb\n::::\n  ::error\n');
    expect(kept.lines()).toEqual(['a', '::set-foo::x', 'b', '::::', '  ::error']);
  });
});

describe('echo', () => {
  const output =
    '::endgroup::\n::set-output name=a::1\n::echo::ON\n::set-output name=a::2\n::error::e\n::echo::off\n::set-output name=a::3\n';

  it('is off, and on where it was asked for', () => {
    const kept = keepLog();
    expect([...kept.run(output).outputs]).toEqual([['a', '3']]);
    expect(kept.lines().filter((line) => line.startsWith('::') || line.includes(']e'))).toEqual([
      '::set-output name=a::2',
      '##[error]e',
      '::echo::off',
    ]);
  });

  it('is on with step debug logging', () => {
    const kept = keepLog({ debug: true });
    kept.run('::save-state name=a::1\n');
    expect(kept.lines()[0]).toBe('::save-state name=a::1');
  });

  it('is on or off, else the step fails', () => {
    const kept = keepLog();
    expect(kept.run('::echo::maybe\n').failed).toBe(true);
    expect(kept.annotations.map(({ message }) => message)).toEqual([
      "Unable to process command '::echo::maybe' successfully.",
      "::echo:: can be 'on' or 'off', not 'maybe'.",
    ]);
  });
});

describe('add-mask', () => {
  it('holds from the next line on, in the same block, and is not printed', () => {
    const kept = keepLog();
    kept.run('hunter2\n::add-mask::hunter2\nhunter2\n');
    expect(kept.lines()).toEqual(['hunter2', '***']);
  });

  it('masks each line of its value', () => {
    const kept = keepLog();
    kept.run('::add-mask::first%0D%0A  second\nthe first\na second\n');
    expect(kept.lines()).toEqual(['the ***', 'a ***']);
  });

  it('echoes no value', () => {
    const kept = keepLog();
    kept.run('::echo::on\n::add-mask::hunter2\n');
    expect(kept.lines()).toEqual(['::add-mask::***']);
  });

  it('of nothing is a warning', () => {
    const kept = keepLog();
    expect(kept.run('::add-mask::  \n').failed).toBe(false);
    expect(kept.annotations).toMatchObject([{ level: 'warning' }]);
  });
});

describe('stop-commands', () => {
  it('until the token comes everything is text', () => {
    const kept = keepLog();
    kept.run(
      '::stop-commands::token-7\n::error::e\n##[error]e\n::token-8::\n::stop-commands::x\n::Token-7::\n::error::e\n',
    );
    expect(kept.annotations).toHaveLength(1);
    expect(kept.lines()).toEqual([
      '::stop-commands::***',
      '::error::e',
      '##[error]e',
      '::token-8::',
      '::stop-commands::x',
      '::Token-7::',
      '##[error]e',
    ]);
  });

  it('a token over six characters is masked for the rest of the job', () => {
    const kept = keepLog();
    kept.run('::stop-commands::7chars7\n::stop-commands::6chars\n7chars7 6chars\n');
    expect(kept.lines()).toEqual(['::stop-commands::***', '::stop-commands::6chars', '*** 6chars']);
  });

  it('is a matter of one process', () => {
    const kept = keepLog();
    const [one, other] = [kept.open(), kept.open()];
    one.write(Buffer.from('::stop-commands::token-7\n'));
    other.write(Buffer.from('::error::e\n'));
    expect(kept.annotations).toHaveLength(1);
    one.end();
    other.end();
  });

  it.each(['', 'pause-logging', 'ERROR', 'stop-commands'])('the token %j is refused and fails the step', (token) => {
    const kept = keepLog();
    expect(kept.run(`::stop-commands::${token}\n::error::still a command\n`).failed).toBe(true);
    expect(kept.annotations.at(-1)).toMatchObject({ message: 'still a command' });
  });

  it('any token is taken where that was allowed', () => {
    const kept = keepLog();
    const captured = kept.run('::stop-commands::error\n::warning::w\n::error::\n::notice::n\n', {
      allowUnsecureStopTokens: true,
    });
    expect(captured.failed).toBe(false);
    expect(kept.annotations).toMatchObject([{ level: 'notice' }]);
  });
});

describe('outputs, state and environment', () => {
  it('set-output and save-state work, with one warning each in a step', () => {
    const kept = keepLog();
    const first = kept.run(
      '::set-output name=a::1%0A2\n::set-output name=a::3\n::save-state name=S::x\n::save-state name=s::y\n',
    );
    const second = kept.run('::set-output name=b::\n');
    expect([...first.outputs]).toEqual([['a', '3']]);
    expect([...first.state]).toEqual([['S', 'y']]);
    expect([...second.outputs]).toEqual([['b', '']]);
    expect(kept.annotations.map(({ level }) => level)).toEqual(['warning', 'warning']);
    expect(first.failed || second.failed).toBe(false);
  });

  it.each(['set-output', 'save-state'])('%s needs a name', (name) => {
    const kept = keepLog();
    expect(kept.run(`::${name}::x\n::${name} name=::x\n`).failed).toBe(true);
    expect(kept.annotations.at(-1)!.message).toContain('needs a name');
  });

  it.each(['::set-env name=A::b', '::add-path::/bin'])('%s is refused', (line) => {
    const kept = keepLog();
    const captured = kept.run(`${line}\n`);
    expect(captured).toMatchObject({ failed: true, path: [], env: new Map() });
    expect(kept.annotations).toHaveLength(2);
  });

  it('set-env and add-path work where that was allowed; NODE_OPTIONS does not', () => {
    const kept = keepLog();
    const captured = kept.run(
      '::set-env name=A::b\n::set-env name=node_options::x\n::add-path::/one\n::add-path::/two\n',
      {
        allowUnsecureCommands: true,
      },
    );
    expect(captured).toMatchObject({ failed: false, path: ['/one', '/two'], env: new Map([['A', 'b']]) });
    expect(kept.annotations).toHaveLength(1);
  });

  it('a secret in a value stays in the value, and not in the log', () => {
    const kept = keepLog();
    kept.masker.add('hunter2');
    const captured = kept.run('::echo::on\n::set-output name=a::hunter2\n');
    expect([...captured.outputs]).toEqual([['a', 'hunter2']]);
    expect(kept.text()).not.toContain('hunter2');
  });
});

describe('problem matchers of a step', () => {
  let workspace = '';
  beforeAll(() => {
    workspace = mkdtempSync(join(tmpdir(), 'paceline-commands-'));
    const pattern = [{ regexp: '^BAD (.*)$', message: 1 }];
    writeFileSync(join(workspace, 'm.json'), JSON.stringify({ problemMatcher: [{ owner: 'm', pattern }] }));
    writeFileSync(join(workspace, 'broken.json'), '{"problemMatcher":[{"owner":"m"}]}');
    writeFileSync(join(workspace, 'big.json'), ' '.repeat(2_000_000));
  });
  afterAll(() => rmSync(workspace, { recursive: true }));

  it('act from the next line on, until they are removed', () => {
    const kept = keepLog({ workspace });
    kept.run('BAD 1\n::add-matcher::m.json\nBAD 2\nfine\n::remove-matcher owner=M::\nBAD 3\n');
    expect(kept.lines()).toEqual(['BAD 1', '##[error]BAD 2', 'fine', 'BAD 3']);
    expect(kept.annotations).toMatchObject([{ level: 'error', message: '2' }]);
  });

  it('112: act at once on every output of the job', () => {
    const one = keepLog({ workspace });
    const other = keepLog({ workspace, matchers: one.matchers });
    const running = other.open();
    running.write(Buffer.from('BAD 1\n'));
    one.run(`::add-matcher::${join(workspace, 'm.json')}\n`);
    running.write(Buffer.from('BAD 2\n'));
    one.run('::remove-matcher::m.json\n');
    running.write(Buffer.from('BAD 3\n'));
    running.end();
    expect(other.annotations).toMatchObject([{ message: '2' }]);
  });

  it.each(['broken.json', 'missing.json', 'big.json', '.'])('the file %s fails the step', (file) => {
    const kept = keepLog({ workspace });
    expect(kept.run(`::add-matcher::${file}\n`).failed).toBe(true);
    expect(kept.annotations.at(-1)!.message).toContain(file);
  });

  it.each(['::add-matcher::', '::remove-matcher::', '::remove-matcher owner=m::m.json'])('%s is a warning', (line) => {
    const kept = keepLog({ workspace });
    expect(kept.run(`${line}\n`).failed).toBe(false);
    expect(kept.annotations).toMatchObject([{ level: 'warning' }]);
  });
});
