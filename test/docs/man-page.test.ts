/** The manual page of the build, as `man` shows it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { CommandLine } from '../cli/command-line.ts';
import { describeProgram } from '../support/describe-program.ts';

const file = fileURLToPath(new URL('../../dist/paceline.1', import.meta.url));
/** With one space where the page has several, or a line break. */
const flat = (text: string): string => text.replace(/\s+/g, ' ');

let line: CommandLine;
beforeAll(async () => (line = await CommandLine.open()));
afterAll(() => line.close());

describe('the manual page', () => {
  it('is what the program prints, and is in the package', async () => {
    const { exitCode, stdout, stderr } = await line.run(['man']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toBe(readFileSync(file, 'utf8'));
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    expect(JSON.parse(manifest)).toMatchObject({ man: 'dist/paceline.1', files: expect.arrayContaining(['dist']) });
  });

  it('has no line that a formatter would take for a macro, but those it knows', () => {
    const macros = readFileSync(file, 'utf8').match(/^[.'].*/gm) ?? [];
    expect([...new Set(macros.map((macro) => macro.split(' ')[0]))].sort()).toEqual(
      ['.TH', '.SH', '.SS', '.PP', '.TP', '.B', '.I', '.br', '.nf', '.fi', '.ad', '.nh'].sort(),
    );
  });
});

describeProgram('man', 'the manual page as man shows it', () => {
  let page: string;
  let warnings: string;
  /** By the command's words. */
  const sections = new Map<string, string>();
  beforeAll(() => {
    const environment = { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8' };
    const { stdout, stderr } = spawnSync('man', ['--warnings', '-l', file], { env: environment, encoding: 'utf8' });
    [page, warnings] = [flat(stdout), stderr];
    const [, ...parts] = stdout.split(/^ {3}paceline (.*)$/m);
    for (let at = 0; at < parts.length; at += 2) sections.set(parts[at]!, flat(parts[at + 1]!));
  });

  it('is formatted without a warning', () => {
    expect(warnings).toBe('');
    expect(page).toMatch(/NAME paceline - run GitHub Actions .* SYNOPSIS .* EXIT STATUS .* ENVIRONMENT .* FILES /);
  });

  it('has every command with every argument and option that the help has', async () => {
    const seen: string[] = [];
    const look = async (path: readonly string[]): Promise<void> => {
      seen.push(path.join(' '));
      const { stdout: help } = await line.run([...path, '--help']);
      const section = path.length === 0 ? page : sections.get(path.join(' '));
      for (const [, term] of help.matchAll(/^ {2}(-\S.*?)(?: {2,}|$)/gm)) expect(section).toContain(` ${flat(term!)} `);
      if (path.length > 0) expect(section).toContain(` ${/^Usage: (.*)/m.exec(help)![1]!} `);
      const [, commands = ''] = help.split(/^Commands:$/m);
      const names = [...(commands.split('\n\n')[0] ?? '').matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name]) => name!);
      await Promise.all(names.filter((name) => name !== 'help').map((name) => look([...path, name])));
    };
    await look([]);
    expect(seen.filter(Boolean).sort()).toEqual([...sections.keys()].sort());
    expect(seen).toContain('runs logs');
  });

  it('has every exit code', () => {
    const [, section = ''] = page.split(' EXIT STATUS ');
    for (const code of Object.values(EXIT)) expect(section).toMatch(new RegExp(` ?${code} [A-Z]`));
  });
});
