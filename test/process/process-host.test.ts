/** Real processes: how they start, what they print, and how the whole of them ends. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/kernel/clock.ts';
import { createProcessHost } from '../../src/process/process-host.ts';
import {
  TRACKING_VARIABLE,
  type ProcessExit,
  type ProcessHost,
  type RunningProcess,
  type StopLadder,
} from '../../src/process/running-process.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';

/** Rungs short enough for a suite; what is tested is their order. */
const LADDER: StopLadder = { interruptMs: 600, terminateMs: 400 };

describe.each([
  ['with cgroups', true],
  ['without cgroups', false],
])('processes %s', (_, cgroups) => {
  let directory: string;
  let host: ProcessHost;
  let jobId: string;
  let marker: string;
  let steps: number;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'paceline-process-'));
    jobId = randomUUID();
    marker = randomUUID();
    steps = 0;
    host = await createProcessHost({
      ...{ jobId, tempDirectory: directory, clock: systemClock, cgroups, oomScoreAdj: 500, outputWaitMs: 500 },
    });
  });

  afterEach(async () => {
    await host.endLeftovers();
    await host.dispose();
    const left = await livingWith(marker);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    expect(left).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });

  interface Started {
    readonly process: RunningProcess;
    readonly exit: Promise<ProcessExit>;
    output(): string;
    printed(text: string): Promise<void>;
  }

  function start(
    script: string,
    options: { command?: string; cwd?: string; env?: Record<string, string> } = {},
  ): Started {
    let output = '';
    const waiting: { text: string; resolve: () => void }[] = [];
    const process_ = host.start({
      command: options.command ?? 'bash',
      args: options.command === undefined ? ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', script] : [],
      cwd: options.cwd ?? directory,
      env: {
        PATH: process.env.PATH!,
        [MARKER]: marker,
        [TRACKING_VARIABLE]: `paceline_${jobId}.${String(++steps)}`,
        ...options.env,
      },
      ladder: LADDER,
      onOutput(block) {
        output += block.toString();
        for (const { text, resolve } of waiting) if (output.includes(text)) resolve();
      },
    });
    return {
      process: process_,
      exit: process_.exited,
      output: () => output,
      printed: (text) =>
        new Promise((resolve) => {
          if (output.includes(text)) resolve();
          else waiting.push({ text, resolve });
        }),
    };
  }

  describe('starting', () => {
    it('reports exit code and output', async () => {
      const started = start('echo hello; exit 3');
      expect(await started.exit).toEqual({
        kind: 'exited',
        exitCode: 3,
        signal: null,
        stopped: false,
        outputCut: false,
      });
      expect(started.output()).toBe('hello\n');
    });

    it('keeps the order of stdout and stderr, which can be opened by name', async () => {
      const started = start(
        'for n in 1 2 3; do echo out$n; echo err$n >&2; echo named$n > /dev/stderr; done; echo x | tee /dev/stderr',
      );
      await started.exit;
      expect(started.output().split('\n')).toEqual([
        ...[1, 2, 3].flatMap((n) => [`out${String(n)}`, `err${String(n)}`, `named${String(n)}`]),
        'x',
        'x',
        '',
      ]);
    });

    it.each([
      ['a command that does not exist', { command: 'no-such-command' }, /no-such-command/],
      ['a working directory that does not exist', { cwd: '/no/such/folder' }, /\/no\/such\/folder/],
      ['a file that may not be executed', { command: '/proc/version' }, /\/proc\/version/],
      ['an environment that is too large', { env: { BIG: 'x'.repeat(4_000_000) } }, /larger/],
    ])('says what is wrong with %s', async (_name, options, sentence) => {
      const exit = await start('true', options).exit;
      expect(exit).toMatchObject({ kind: 'not-started', stopped: false });
      expect(exit.kind === 'not-started' && exit.message).toMatch(sentence);
    });

    it('gives the process no input', async () => {
      const started = start('cat; echo done');
      expect(await started.exit).toMatchObject({ exitCode: 0 });
      expect(started.output()).toBe('done\n');
    });

    it('makes the kernel prefer it when memory runs out', async () => {
      const started = start('cat /proc/self/oom_score_adj; sleep 0.05; cat /proc/self/oom_score_adj');
      await started.exit;
      expect(started.output().trim().split('\n').at(-1)).toBe('500');
    });

    it('passes on three megabytes without a line break', async () => {
      const started = start("head -c 3000000 /dev/zero | tr '\\0' x");
      await started.exit;
      expect(started.output()).toBe('x'.repeat(3_000_000));
    });

    it('reports the signal that ended it', async () => {
      expect(await start('kill -9 $$').exit).toMatchObject({ exitCode: null, signal: 'SIGKILL', stopped: false });
    });

    it('leaves no descriptor behind after two hundred starts, many at once', async () => {
      await start('true').exit;
      const before = readdirSync('/proc/self/fd').length;
      const exits = await Promise.all(Array.from({ length: 200 }, () => start('echo x').exit));
      expect(exits.every((exit) => exit.kind === 'exited' && exit.exitCode === 0)).toBe(true);
      expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 2);
    });
  });

  describe('stopping', () => {
    const shapes: [string, string, Partial<Extract<ProcessExit, { kind: 'exited' }>>][] = [
      ['one foreground child', 'echo ready; sleep 999', { signal: 'SIGINT' }],
      ['an exec of the child', 'echo ready; exec sleep 999', { signal: 'SIGINT' }],
      ['children in the background', 'sleep 999 & sleep 998 & echo ready; wait', {}],
      ['a trap that exits on SIGINT', "trap 'exit 5' INT; sleep 999 & echo ready; wait", { exitCode: 5 }],
      [
        'one that ignores SIGINT',
        "trap '' INT; trap 'exit 6' TERM; echo ready; while :; do sleep 0.02; done",
        { exitCode: 6 },
      ],
      [
        'one that ignores SIGINT and SIGTERM',
        "trap '' INT TERM; echo ready; while :; do sleep 0.02; done",
        { signal: 'SIGKILL' },
      ],
      [
        'a daemon of its own session',
        'setsid sleep 999 & setsid bash -c "setsid sleep 998 &" & sleep 0.2; echo ready; sleep 999',
        {},
      ],
      ['one that has closed its output', 'echo ready; exec > /dev/null 2>&1; sleep 999', {}],
    ];

    it.each(shapes)('ends %s, whole', async (_name, script, expected) => {
      const started = start(script);
      await started.printed('ready');
      started.process.stop();
      expect(await started.exit).toMatchObject({ kind: 'exited', stopped: true, outputCut: false, ...expected });
      expect(await livingWith(marker)).toEqual([]);
    });

    it('lets a trap finish its clean-up', async () => {
      const started = start("trap 'sleep 0.2; echo cleaned; exit 0' INT; echo ready; while :; do sleep 0.02; done");
      await started.printed('ready');
      started.process.stop();
      await started.exit;
      expect(started.output()).toContain('cleaned');
    });

    it('skips the rest of the ladder on kill', async () => {
      const started = start("trap 'echo asked' INT TERM; echo ready; while :; do sleep 0.02 || true; done");
      await started.printed('ready');
      started.process.stop();
      await started.printed('asked');
      started.process.kill();
      expect(await started.exit).toMatchObject({ signal: 'SIGKILL', stopped: true });
    });

    it('remembers a stop from before the start', async () => {
      // More than there are pipes made ahead, so that the last one has to wait for its pipe.
      const others = Array.from({ length: 40 }, () => start('true').exit);
      const started = start('echo ran');
      started.process.stop();
      expect(started.process.identity).toBeNull();
      expect(await started.exit).toMatchObject({ kind: 'not-started', stopped: true });
      expect(started.output()).toBe('');
      await Promise.all(others);
    });

    it('does nothing after the end', async () => {
      const started = start('exit 0');
      await started.exit;
      started.process.stop();
      started.process.kill();
      expect(await started.exit).toMatchObject({ exitCode: 0, stopped: false });
    });

    it('settles once whatever the race of stop and exit', async () => {
      for (let ms = 0; ms < 12; ms++) {
        const started = start(`sleep 0.00${String(ms % 10)}`);
        await new Promise<void>((resolve) => void systemClock.after(ms, resolve));
        started.process.stop();
        expect((await started.exit).kind).toMatch(/exited|not-started/);
      }
    });

    it('ends a fork of daemons', async () => {
      const started = start(
        'for n in $(seq 40); do setsid bash -c "setsid sleep 999 & sleep 998" & done; sleep 0.3; echo ready; sleep 999',
      );
      await started.printed('ready');
      started.process.stop();
      await started.exit;
      expect(await livingWith(marker)).toEqual([]);
    });
  });

  describe('what is left running', () => {
    it('lives on after a normal end and is ended at the end of the job', async () => {
      const started = start('sleep 999 > /dev/null 2>&1 & exit 0');
      expect(await started.exit).toMatchObject({ exitCode: 0, outputCut: false });
      expect((await livingWith(marker)).length).toBe(1);
      expect((await host.endLeftovers()).map(({ name }) => name)).toEqual(['sleep']);
      expect(await livingWith(marker)).toEqual([]);
    });

    it('may hold the output for a while only, and can write on after that', async () => {
      const started = start('(while :; do echo noise || exit 1; sleep 0.01; done) & exit 0');
      expect(await started.exit).toMatchObject({ exitCode: 0, outputCut: true });
      const length = started.output().length;
      await new Promise<void>((resolve) => void systemClock.after(100, resolve));
      expect((await livingWith(marker)).length).toBeGreaterThan(0);
      expect(started.output().length).toBe(length);
    });

    it('is found when it left the group', async () => {
      await start('setsid setsid sleep 999 > /dev/null 2>&1 & sleep 0.2').exit;
      expect((await host.endLeftovers()).map(({ name }) => name)).toEqual(['sleep']);
    });
  });
});

describe('cgroups', () => {
  it('end what cleared its environment and left the group', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'paceline-process-'));
    const host = await createProcessHost({
      ...{ jobId: randomUUID(), tempDirectory: directory, clock: systemClock, cgroups: true, oomScoreAdj: null },
    });
    const pidFile = join(directory, 'pid');
    await writeFile(
      join(directory, 's.sh'),
      `env -i setsid bash -c 'echo $$ > ${pidFile}; exec sleep 999' > /dev/null 2>&1 &\nsleep 0.3`,
    );
    const { exited } = host.start({
      ...{
        command: 'bash',
        args: [join(directory, 's.sh')],
        cwd: directory,
        ladder: LADDER,
        onOutput: () => undefined,
      },
      env: { PATH: process.env.PATH!, [TRACKING_VARIABLE]: 'paceline_none.1' },
    });
    await exited;
    const ended = await host.endLeftovers();
    await host.dispose();
    await rm(directory, { recursive: true });
    expect(ended.map(({ name }) => name)).toEqual(['sleep']);
  });
});
