import { describe, expect, it } from '@jest/globals';
import { wantsColour } from '../../src/cli/colour-choice.ts';
import { inheritedEnvironment } from '../../src/cli/inherited-environment.ts';
import { keyValue, keyValues } from '../../src/cli/key-value.ts';
import { parseEnvFile } from '../../src/cli/parse-env-file.ts';

describe('a file of secrets', () => {
  it.each([
    ['A=1', { A: '1' }],
    ['  export A = 1 ', { A: '1' }],
    ['A=', { A: '' }],
    ['A=x=y', { A: 'x=y' }],
    ['A=a#b', { A: 'a#b' }],
    ['A=a # comment', { A: 'a' }],
    ["A='a # b' # comment", { A: 'a # b' }],
    ["A='a\\n$B'", { A: 'a\\n$B' }],
    ['A="a\\n\\t\\"\\\\\\x"', { A: 'a\n\t"\\\\x' }],
    ['A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
    ['A="-----BEGIN KEY-----\r\nabc\r\n-----END KEY-----"\r\n', { A: '-----BEGIN KEY-----\nabc\n-----END KEY-----' }],
    ['# comment\n\n  \nA=1\nA=2', { A: '2' }],
    ['\uFEFFA=1', { A: '1' }],
    ['my.key-1=x', { 'my.key-1': 'x' }],
    ['', {}],
  ])('%j', (text, values) => {
    expect(parseEnvFile(text, '.secrets')).toEqual(values);
  });

  it.each([
    ['A=1\nhunter2', '.secrets:2: expected NAME=VALUE'],
    ['=x', '.secrets:1: expected'],
    ["A='x\ny", '.secrets:1: the quote that opens here'],
  ])('%j is refused by its line, without a word of it', (text, message) => {
    expect(() => parseEnvFile(text, '.secrets')).toThrow(message);
    expect(() => parseEnvFile(text, '.secrets')).not.toThrow('hunter2');
  });
});

describe('an assignment on the command line', () => {
  it('is split at the first separator', () => {
    expect(keyValue('--matrix', 'os:a:b', ':')).toEqual({ key: 'os', value: 'a:b' });
    expect(keyValues('--var', ['A=1', 'B==', 'A=2'])).toEqual({ A: '2', B: '=' });
  });
});

describe('colours', () => {
  const tty = { option: true, isTTY: true };
  it.each([
    ['a terminal', { ...tty, environment: { TERM: 'xterm' } }, true],
    ['a pipe', { ...tty, isTTY: false, environment: {} }, false],
    ['a dumb terminal', { ...tty, environment: { TERM: 'dumb' } }, false],
    ['NO_COLOR', { ...tty, environment: { NO_COLOR: '1' } }, false],
    ['an empty NO_COLOR', { ...tty, environment: { NO_COLOR: '' } }, true],
    ['FORCE_COLOR in a pipe', { option: true, isTTY: false, environment: { FORCE_COLOR: '' } }, true],
    ['FORCE_COLOR=0', { ...tty, environment: { FORCE_COLOR: '0' } }, false],
    ['both', { ...tty, environment: { FORCE_COLOR: '1', NO_COLOR: '1' } }, true],
    ['--no-color', { ...tty, option: false, environment: { FORCE_COLOR: '1' } }, false],
  ])('%s', (_, facts, expected) => {
    expect(wantsColour(facts)).toBe(expected);
  });
});

describe('what steps inherit', () => {
  it('is the environment without what a runner sets', () => {
    const environment = {
      ...{
        PATH: '/bin',
        LANG: 'C',
        GITHUB_TOKEN: 't',
        RUNNER_TEMP: '/t',
        ACTIONS_RUNTIME_TOKEN: 'r',
        unset: undefined,
      },
      ...{ ACTIONS_RUNNER_HOOK_JOB_STARTED: '/hook.sh', INPUT_METHOD: 'fcitx', STATE_DIR: '/s' },
    };
    const kept = { PATH: '/bin', LANG: 'C', ACTIONS_RUNNER_HOOK_JOB_STARTED: '/hook.sh' };
    expect(inheritedEnvironment(environment)).toEqual({ ...kept, INPUT_METHOD: 'fcitx', STATE_DIR: '/s' });
    expect(inheritedEnvironment({ ...environment, GITHUB_ACTIONS: 'true' })).toEqual(kept);
  });
});
