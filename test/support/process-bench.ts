/**
 * A process host for each test, with real processes. Afterwards nothing may be left of it: no process, no file, no
 * cgroup, no timer.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import { makeJobCgroup } from '../../src/process/cgroup.ts';
import { createProcessHost, type ProcessHostOptions } from '../../src/process/process-host.ts';
import {
  TRACKING_VARIABLE,
  type ProcessExit,
  type ProcessHost,
  type ProcessSpec,
  type RunningProcess,
  type StopLadder,
} from '../../src/process/running-process.ts';
import { livingWith, MARKER } from './living-processes.ts';

/** Rungs that a test can wait for; tests of their order move a fake clock instead. */
export const SHORT_LADDER: StopLadder = { interruptMs: 400, terminateMs: 300 };

export interface StartedScript {
  readonly process: RunningProcess;
  readonly exited: Promise<ProcessExit>;
  output(): string;
  /** Resolves when the text was printed so many times; rejects when the process ended before. */
  printed(text: string, times?: number): Promise<void>;
}

/** What a test chooses; `name` is for the title of a `describe.each`. */
export type BenchOptions = Partial<ProcessHostOptions> & { readonly cgroups: boolean; readonly name?: string };

export interface ProcessBench {
  readonly host: ProcessHost;
  readonly jobId: string;
  readonly directory: string;
  /** Runs a script in bash as steps are run. */
  start(script: string, spec?: Partial<ProcessSpec>): StartedScript;
  /** Pids and command lines of what lives of this test. */
  living(): Promise<{ pid: number; name: string }[]>;
}

/** Call in a `describe`; the returned function gives the bench of the running test. */
export function useProcessBench(options: BenchOptions, clock: () => Clock = () => systemClock): () => ProcessBench {
  let bench: ProcessBench;
  let marker: string;

  beforeEach(async () => {
    marker = randomUUID();
    bench = await openBench(options, marker, clock());
  });
  afterEach(async () => {
    const { host, jobId, directory } = bench;
    await host.endLeftovers();
    await host.dispose();
    await host.dispose();
    const left = await livingWith(marker);
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    expect(left).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
    expect(cgroupsOf(jobId)).toEqual([]);
    await rm(directory, { recursive: true });
  });
  return () => bench;
}

async function openBench(options: BenchOptions, marker: string, clock: Clock): Promise<ProcessBench> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'paceline-process-')));
  const jobId = randomUUID();
  const host = await createProcessHost({
    ...{ jobId, tempDirectory: directory, clock, oomScoreAdj: 500, outputWaitMs: 400 },
    ...options,
  });
  let steps = 0;
  return {
    host,
    jobId,
    directory,
    living: () => livingWith(marker),
    start(script, spec = {}) {
      const { env, onOutput, ...rest } = spec;
      const heard = new Heard();
      const running = host.start({
        command: 'bash',
        args: ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', script],
        cwd: tmpdir(),
        ladder: SHORT_LADDER,
        ...rest,
        env: {
          PATH: process.env.PATH!,
          [MARKER]: marker,
          [TRACKING_VARIABLE]: `paceline_${jobId}.${String(++steps)}`,
          ...env,
        },
        onOutput(block) {
          heard.add(block);
          onOutput?.(block);
        },
      });
      void running.exited.then(() => heard.end());
      return {
        process: running,
        exited: running.exited,
        output: () => heard.text,
        printed: (text, times = 1) => heard.printed(text, times),
      };
    },
  };
}

/** What one process printed so far. */
class Heard {
  text = '';
  readonly #waiting = new Set<{ check: () => boolean; reject: (error: Error) => void }>();

  add(block: Buffer): void {
    this.text += block.toString();
    for (const waiter of this.#waiting) if (waiter.check()) this.#waiting.delete(waiter);
  }

  end(): void {
    for (const { reject } of this.#waiting) reject(new Error(`ended after printing '${this.text}'`));
  }

  printed(text: string, times: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): boolean => {
        const enough = this.text.split(text).length > times;
        if (enough) resolve();
        return enough;
      };
      if (!check()) this.#waiting.add({ check, reject });
    });
  }
}

/** `describe` where cgroups can be made (by root outside of most containers, or where systemd delegates), else skipped. */
export function describeWithCgroups(title: string, tests: () => void): void {
  const cgroup = makeJobCgroup(randomUUID());
  cgroup?.remove();
  (cgroup ? describe : describe.skip)(title, tests);
}

/** Cgroups of a job, wherever they may have been made. */
export function cgroupsOf(jobId: string): string[] {
  return ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].filter(existsSync).flatMap((directory) => {
    const names = readdirSync(directory, { withFileTypes: true, recursive: false });
    return names.map(({ name }) => name).filter((name) => name.includes(jobId));
  });
}

/**
 * A command that starts a daemon as daemons do: in a session of its own, its parent gone. It prints `up` when it is there.
 * (What a script runs after it should print as well: bash drops a SIGINT that comes while a command ends well.)
 */
export function daemon(command = 'exec sleep 999'): string {
  return `(setsid bash -c 'echo up; ${command}' &)`;
}
