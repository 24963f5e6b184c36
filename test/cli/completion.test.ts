/** The completion scripts in the shells that they are for: what a Tab behind a command line offers. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeProgram } from '../support/describe-program.ts';
import { CommandLine } from './command-line.ts';

let line: CommandLine;
beforeAll(async () => {
  line = await CommandLine.open({ 'ci.yml': '', 'a file.yml': '', 'data/x': '' });
  await mkdir(join(line.workspace, 'dates'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exitCode, stdout, stderr } = await line.run(['completion', shell]);
    expect([exitCode, stderr]).toEqual([0, '']);
    await line.write(`completion.${shell}`, stdout);
  }
});
afterAll(() => line.close());

/** What is typed, and all that is offered. */
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ['paceline ru', ['run', 'runners', 'runs']],
  ['paceline wor', []],
  ['paceline runs re', ['rerun', 'resume']],
  ['paceline runs list --st', ['--state']],
  ['paceline runs list --state ', ['completed', 'running', 'waiting']],
  ['paceline runs list --state r', ['running']],
  ['paceline runs logs --server http://127.0.0.1:1 12 --fo', ['--follow']],
  ['paceline runs watch --quiet 12 --no-c', ['--no-color']],
  ['paceline tokens create --kind registration --e', ['--expires']],
  ['paceline run c', ['ci.yml', 'completion.bash', 'completion.fish', 'completion.zsh']],
  ['paceline run --quiet --matrix os:linux ci', ['ci.yml']],
  ['paceline run ci.yml c', []],
  ['paceline lint ci.yml c', ['ci.yml', 'completion.bash', 'completion.fish', 'completion.zsh']],
  ['paceline submit --input a=b ci.yml --event-path ci', ['ci.yml']],
  ['paceline server --data da', ['data', 'dates']],
  ['paceline runs list --limit ', []],
  ['paceline completion ', ['bash', 'fish', 'zsh']],
];

/** Runs the driver in the shell for a command line; offers are the lines behind `offer:`. */
async function offers(command: string, driver: string, typed: string): Promise<string[]> {
  const { stdout, stderr } = await line.shell(command, [driver, typed]);
  expect(stderr).toBe('');
  const lines = stdout.split(/\r?\n/).filter((text) => text.startsWith('offer:'));
  return [...new Set(lines.map((text) => text.slice('offer:'.length).replace(/\/$/, '')))].sort();
}

describe('in bash', () => {
  // Bash splits words at these characters before a completion sees them.
  const driver = `
    source completion.bash
    typed=\${1//:/ : }
    read -ra COMP_WORDS <<<"\${typed//=/ = }"
    case $1 in *' ') COMP_WORDS+=('') ;; esac
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _paceline
    [ "\${#COMPREPLY[@]}" -eq 0 ] || printf 'offer:%s\\n' "\${COMPREPLY[@]}"`;
  const run = 'bash --norc -c "$1" bash "$2"';

  it.each(CASES)('%s⇥', async (typed, expected) => {
    expect(await offers(run, driver, typed)).toEqual(expected);
  });

  it.each([
    ['paceline runs list --state=', ['completed', 'running', 'waiting']],
    ['paceline runs list --state=wai', ['waiting']],
    ['paceline runs list --state=waiting --lim', ['--limit']],
    ['paceline run a', ['a file.yml']],
  ])('%s⇥', async (typed, expected) => {
    expect(await offers(run, driver, typed)).toEqual(expected);
  });

  it('it is registered for paceline', async () => {
    const { stdout } = await line.shell('source completion.bash; complete -p paceline');
    expect(stdout).toBe('complete -F _paceline paceline\n');
  });
});

describeProgram('zsh', 'in zsh', () => {
  // An interactive shell on a terminal of its own, whose completion system says what it would add, and ends.
  const driver = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell 'source ./setup.zsh'
    zpty -r -m shell text '*read*for a Tab*'
    zpty -w -n shell "$1"$'\\t'
    while zpty -r shell text; do print -rn -- $text; done`;
  beforeAll(() =>
    line.write(
      'setup.zsh',
      `autoload -Uz compinit
      compinit -u -D
      source ./completion.zsh
      compadd() {
        if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then
          builtin compadd "$@"
          return
        fi
        local -a found
        builtin compadd -A found "$@"
        (( $#found )) || return 1
        print -rl -- '' offer:$^found
      }
      comppostfuncs=(exit)
      print 'ready' 'for a Tab'
      `,
    ),
  );

  it.each(CASES)('%s⇥', async (typed, expected) => {
    const found = await offers('exec zsh -f -c "$1" zsh "$2"', driver, typed);
    expect(found.filter((name) => name !== 'setup.zsh')).toEqual(expected);
  });

  it('it is a function of fpath as well as a script', async () => {
    const { stdout, stderr } = await line.shell(
      `mkdir functions && cp completion.zsh functions/_paceline
      zsh -f -c 'fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D; print -r -- $_comps[paceline]'`,
    );
    expect([stdout, stderr]).toEqual(['_paceline\n', '']);
  });
});

describeProgram('fish', 'in fish', () => {
  const driver = `
    source completion.fish
    for offer in (complete -C "$argv[1]")
        echo offer:(string split -f1 \\t -- $offer)
    end`;

  it.each(CASES)('%s⇥', async (typed, expected) => {
    expect(await offers('exec fish --no-config -c "$1" "$2"', driver, typed)).toEqual(expected);
  });
});
