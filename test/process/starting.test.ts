/** How a process starts, what it prints, and how its end is reported. */
import { readdirSync, readlinkSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TRACKING_VARIABLE } from '../../src/process/running-process.ts';
import { cgroupsOf, useProcessBench } from '../support/process-bench.ts';

const OWN_SCORE = readFileSync('/proc/self/oom_score_adj', 'latin1').trim();

const MODES = [
  { name: 'with cgroups', cgroups: true },
  { name: 'without cgroups', cgroups: false },
  { name: 'with the means of macOS', cgroups: true, platform: 'darwin' },
  { name: 'with the means of Windows', cgroups: true, platform: 'win32' },
] as const;

describe.each(MODES)('a process $name', (options) => {
  const bench = useProcessBench(options);

  it('is reported with its exit code and output', async () => {
    const started = bench().start('echo hello; exit 3');
    const ended = { kind: 'exited', exitCode: 3, signal: null, stopped: false, outputCut: false };
    expect(await started.exited).toEqual(ended);
    expect(started.output()).toBe('hello\n');
  });

  it('is reported with the signal that ended it', async () => {
    const { exited } = bench().start('kill -KILL $$');
    expect(await exited).toMatchObject({ exitCode: null, signal: 'SIGKILL', stopped: false });
  });

  it('gets nothing to read', async () => {
    const started = bench().start('cat; echo done');
    await started.exited;
    expect(started.output()).toBe('done\n');
  });

  it('gets the environment that was given and no other', async () => {
    const started = bench().start('', { command: 'env', args: [], env: { ONLY: 'this' } });
    await started.exited;
    const names = started
      .output()
      .split('\n')
      .filter(Boolean)
      .map((line) => line.slice(0, line.indexOf('=')));
    expect(names.sort()).toEqual(['ONLY', 'PACELINE_TEST_MARKER', 'PATH', TRACKING_VARIABLE]);
  });

  it.each([
    ['three megabytes without a line break', "head -c 3000000 /dev/zero | tr '\\0' x", 'x'.repeat(3_000_000)],
    ['a line without its break', 'printf half', 'half'],
    ['nothing', 'true', ''],
    ['what came before it closed its output', 'echo early; exec >&- 2>&-; sleep 0.01', 'early\n'],
  ])('passes on %s', async (_name, script, expected) => {
    const started = bench().start(script);
    expect(await started.exited).toMatchObject({ exitCode: 0, outputCut: false });
    expect(started.output() === expected).toBe(true);
  });

  it('passes on bytes as they are', async () => {
    const blocks: Buffer[] = [];
    await bench().start("printf '\\377\\000\\xc3'", { onOutput: (block) => blocks.push(block) }).exited;
    expect([...Buffer.concat(blocks)]).toEqual([0xff, 0x00, 0xc3]);
  });

  it('leaves no descriptor, pipe or cgroup behind after two hundred starts at once', async () => {
    await bench().start('true').exited;
    const before = openFiles();
    const exits = await Promise.all(Array.from({ length: 200 }, () => bench().start('echo x').exited));
    expect(exits.filter((exit) => exit.kind === 'exited' && exit.exitCode === 0)).toHaveLength(200);
    expect(openFiles()).toBe(before);
  });
});

describe.each(MODES.slice(0, 3))('the output of a process $name', (options) => {
  const bench = useProcessBench(options);

  it('keeps the order of both streams, which can be opened by name', async () => {
    const started = bench().start(
      'for n in 1 2; do echo out$n; echo err$n >&2; echo e$n > /dev/stderr; echo o$n > /dev/stdout; done; echo t | tee /dev/stderr',
    );
    await started.exited;
    const lines = [1, 2].flatMap((n) => [`out${String(n)}`, `err${String(n)}`, `e${String(n)}`, `o${String(n)}`]);
    expect(started.output()).toBe([...lines, 't', 't', ''].join('\n'));
  });

  it('survives a step that empties the temporary folder', async () => {
    const { directory } = bench();
    await bench().start(`rm -rf '${directory}'/*`).exited;
    const started = bench().start('echo named > /dev/stderr');
    expect(await started.exited).toMatchObject({ exitCode: 0 });
    expect(started.output()).toBe('named\n');
  });
});

/** Without those that a look at cgroups has for a moment. */
const openFiles = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return !readlinkSync(`/proc/self/fd/${fd}`).startsWith('/sys/fs/cgroup');
    } catch {
      // That of this very look.
      return false;
    }
  }).length;

describe('a process where no FIFO can be made', () => {
  const bench = useProcessBench({ cgroups: true, tempDirectory: '/no/such/folder' });

  it('prints through ordinary pipes', async () => {
    const started = bench().start('echo out; echo err >&2');
    await started.exited;
    expect(started.output().split('\n').sort()).toEqual(['', 'err', 'out']);
  });
});

describe.each([
  ['is born with the score that was asked for', 500, '500'],
  ['keeps ours when none was asked for', null, OWN_SCORE],
  ['keeps ours when there is no such score', -2000, OWN_SCORE],
])('when memory runs out, a process', (rule, oomScoreAdj, score) => {
  const bench = useProcessBench({ cgroups: true, oomScoreAdj });

  it(rule, async () => {
    const started = bench().start('cat /proc/$$/oom_score_adj; cat /proc/self/oom_score_adj');
    await started.exited;
    expect(started.output()).toBe(`${score}\n${score}\n`);
  });
});

describe.each(MODES.slice(0, 2))('what cannot be started $name', (options) => {
  const bench = useProcessBench(options);

  it.each([
    ['a command that is not there', { command: 'no-such-tool' }, "The command 'no-such-tool' was not found in PATH."],
    ['a path that is not there', { command: '/no/tool' }, "The command '/no/tool' does not exist."],
    [
      'a file in PATH that is not executable',
      { command: 'version', env: { PATH: '/usr/bin:/proc' } },
      "The command 'version' was not found in PATH.",
    ],
    [
      'a directory',
      { command: '/usr' },
      "'/usr' cannot be run: it is not an executable file that this user may run (EACCES).",
    ],
    ['a working directory that is not there', { cwd: '/no/dir' }, "The working directory '/no/dir' does not exist."],
    [
      'a working directory that is a file',
      { cwd: '/proc/version' },
      "The working directory '/proc/version' is not a directory.",
    ],
    ['a NUL in an argument', { args: ['-c', 'a\0secret'] }, "Argument 2 of 'bash' contains a NUL character."],
    [
      'a NUL in a variable',
      { env: { NAME: 'a\0secret' } },
      "The value of the variable 'NAME' contains a NUL character.",
    ],
    [
      'a NUL in the working directory',
      { cwd: '/tmp\0' },
      'The name of the working directory contains a NUL character.',
    ],
  ])('is said in one sentence: %s', async (_name, spec, message) => {
    const before = openFiles();
    const started = bench().start('true', spec);
    expect(await started.exited).toEqual({ kind: 'not-started', message, stopped: false });
    expect(started.process.identity).toBeNull();
    expect(openFiles()).toBe(before);
  });

  it('is said with the name and size of what is too large, not with its value', async () => {
    const exit = await bench().start('true', { env: { BIG: 'x'.repeat(200_000), SMALL: 'y' } }).exited;
    expect(exit).toMatchObject({ kind: 'not-started' });
    const message = exit.kind === 'not-started' ? exit.message : '';
    expect(message).toContain('larger than the system allows');
    expect(message).toContain("the largest is the variable 'BIG' with 200005; one may have 131072");
    expect(message).not.toContain('xxx');
  });

  it('is said with the interpreter that a script asks for', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'paceline-script-'));
    const command = join(directory, 'script');
    await writeFile(command, '#!/no/such/interpreter -x\n', { mode: 0o755 });
    expect(await bench().start('', { command, args: [] }).exited).toMatchObject({
      message: `'${command}' cannot be run: its interpreter '/no/such/interpreter' does not exist.`,
    });
    await rm(directory, { recursive: true });
  });

  it('leaves no cgroup behind', async () => {
    await bench().start('true', { command: 'no-such-tool' }).exited;
    await bench().host.dispose();
    expect(cgroupsOf(bench().jobId)).toEqual([]);
  });
});
