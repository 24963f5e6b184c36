import { describe, expect, it } from '@jest/globals';
import { resolveShell, splitArguments, type ShellInvocation } from '../../src/steps/shells.ts';

const around = { path: process.env.PATH ?? '', cwd: '/', platform: 'linux' } as const;

async function shell(name: string): Promise<ShellInvocation> {
  const found = await resolveShell(name, around);
  if (found.kind === 'problem') throw new Error(found.message);
  return found;
}

describe('the shell table', () => {
  it('a built-in with arguments of its own keeps its extension and uses those', async () => {
    const found = await shell('bash -x {0}');
    expect(found).toMatchObject({ extension: '.sh', shown: expect.stringMatching(/bash -x \{0\}$/) });
    expect(found.argumentsFor('/tmp/a b.sh')).toEqual(['-x', '/tmp/a b.sh']);
  });

  it('is the same in any case', async () => {
    expect((await shell('BASH -e {0}')).extension).toBe('.sh');
  });

  it('names of object properties are no shells', async () => {
    expect(await resolveShell('constructor', around)).toMatchObject({ kind: 'problem' });
  });

  it('a custom shell has no extension, and doubled braces stand for one', async () => {
    const found = await shell('env A={{b}} {0} "two words"');
    expect(found.extension).toBe('');
    expect(found.argumentsFor('f')).toEqual(['A={b}', 'f', 'two words']);
  });

  it('PowerShell stops at the first error and ends with the last exit code', async () => {
    // There is none here, so something else takes its name.
    const found = await resolveShell('pwsh', { ...around, path: '/fake', platform: 'linux' });
    expect(found).toEqual({ kind: 'problem', message: "The shell 'pwsh' was not found on this machine's PATH." });
  });

  it('without a shell Windows wants PowerShell', async () => {
    expect(await resolveShell('', { ...around, platform: 'win32' })).toEqual({
      kind: 'problem',
      message: "Neither pwsh nor powershell was found on this machine's PATH.",
    });
  });
});

describe('splitting a command line', () => {
  it.each([
    ['a b', ['a', 'b']],
    ['  a\t b ', ['a', 'b']],
    ['a "b c" d', ['a', 'b c', 'd']],
    ['a"b c"d', ['ab cd']],
    ['""', ['']],
    ['a\\b', ['a\\b']],
    ['\\"a', ['"a']],
    ['\\\\"a b"', ['\\a b']],
    ['"a""b"', ['a"b']],
    ["'a b'", ["'a", "b'"]],
    ['', []],
  ])('%j', (text, parts) => {
    expect(splitArguments(text)).toEqual(parts);
  });
});
