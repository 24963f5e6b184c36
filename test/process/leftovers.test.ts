/** What a process leaves running: until when, what of its output, and how it is ended. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { lives, readProcess } from '../../src/process/process-table.ts';
import { DEFAULT_LADDER, TRACKING_VARIABLE } from '../../src/process/running-process.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { daemon, describeWithCgroups, useProcessBench } from '../support/process-bench.ts';

const MODES = [
  { name: 'with cgroups', cgroups: true },
  { name: 'without cgroups', cgroups: false },
] as const;

const OUTPUT_WAIT_MS = 5_000;
const isAlive = (pid: number): boolean => {
  const facts = readProcess(pid);
  return facts !== null && lives(facts);
};

/** Until the event loop has taken notice that the script, its parent, has ended. */
const ALONE = 'while kill -0 $$ 2> /dev/null; do sleep 0.01; done; echo alone';
const SILENT = '> /dev/null 2>&1';

describe.each(MODES)('after a normal end $name', ({ cgroups }) => {
  let clock: FakeClock;
  const bench = useProcessBench({ cgroups, outputWaitMs: OUTPUT_WAIT_MS }, () => (clock = new FakeClock()));

  it.each([
    ['what was started with &', `sleep 999 ${SILENT} & true`],
    ['what cleared its environment', `env -i sleep 999 ${SILENT} & true`],
    ['a daemon', daemon(`exec sleep 999 ${SILENT}`)],
    // Not the last command: bash would turn into it, and its parent would be us.
    ['what killed its own shell', `bash -c 'kill -KILL $PPID; exec sleep 999 ${SILENT}'; true`],
  ])('%s lives until the end of the job and is named then', async (_what, script) => {
    expect(await bench().start(script).exited).toMatchObject({ kind: 'exited', stopped: false, outputCut: false });
    const living = script.includes('env -i') ? [] : await bench().living();
    const ended = await bench().host.endLeftovers();
    expect(ended).toHaveLength(1);
    expect(ended[0]?.name).toMatch(/^(sleep|bash|env)$/);
    for (const { pid } of living) expect(pid).toBe(ended[0]?.pid);
    expect(isAlive(ended[0]!.pid)).toBe(false);
    expect(await bench().host.endLeftovers()).toEqual([]);
  });

  it.each([
    ['in its session', `${TRACKING_VARIABLE}= bash -c 'echo $$; exec sleep 999 ${SILENT}' &`],
    ['as a daemon', `(${TRACKING_VARIABLE}= setsid bash -c 'echo $$; exec sleep 999 ${SILENT}' &)`],
  ])('what has overwritten the tracking variable has left the job for good, %s', async (_where, script) => {
    const started = bench().start(script);
    await started.exited;
    expect(await bench().host.endLeftovers()).toEqual([]);
    expect((await bench().living()).map(({ pid }) => `${String(pid)}\n`)).toEqual([started.output()]);
    process.kill(Number(started.output()), 'SIGKILL');
  });

  it('output that is held open is waited for, but not for ever', async () => {
    const started = bench().start(`(${ALONE}; exec sleep 999) &`);
    await started.printed('alone\n');
    let settled = false;
    void started.exited.then(() => (settled = true));
    await clock.advance(OUTPUT_WAIT_MS - 1);
    expect(settled).toBe(false);
    await clock.advance(1);
    expect(await started.exited).toMatchObject({ exitCode: 0, stopped: false, outputCut: true });
    expect(clock.pendingTimers).toBe(0);
  });

  it('output that ends while it is waited for is complete', async () => {
    const started = bench().start(`(${ALONE}) & exit 2`);
    expect(await started.exited).toMatchObject({ exitCode: 2, outputCut: false });
    expect(started.output()).toBe('alone\n');
    expect(clock.pendingTimers).toBe(0);
  });

  it('a server whose output was cut goes on printing, to nobody', async () => {
    const file = (name: string): string => join(bench().directory, name);
    await bench().start(`mkfifo '${file('go')}' '${file('told')}'`).exited;
    // More than a pipe holds: a pipe that nobody read would stop it, a closed one would end it.
    const server = `${ALONE}; read -r go < '${file('go')}'; head -c 1000000 /dev/zero; echo "ended with $?" > '${file('told')}'`;
    const started = bench().start(`(${server}) &`);
    await started.printed('alone\n');
    await clock.advance(OUTPUT_WAIT_MS);
    expect(await started.exited).toMatchObject({ outputCut: true });
    const [told] = await Promise.all([readFile(file('told'), 'utf8'), writeFile(file('go'), 'go\n')]);
    expect(told).toBe('ended with 0\n');
    expect(started.output()).toBe('alone\n');
    await rm(file('go'));
    await rm(file('told'));
  });

  it('nothing keeps the process that holds it from being stopped as a whole', async () => {
    const started = bench().start(`(${ALONE}; exec sleep 999) & ${daemon()}`, { ladder: DEFAULT_LADDER });
    await started.printed('alone\n');
    await started.printed('up\n');
    started.process.stop();
    expect(await started.exited).toMatchObject({ exitCode: 0, stopped: true, outputCut: false });
    expect(await bench().living()).toEqual([]);
  });
});

describe.each(MODES)('the end of a job $name', ({ cgroups }) => {
  const bench = useProcessBench({ cgroups });

  it('ends what still runs', async () => {
    const started = bench().start("trap '' INT TERM; echo up; while :; do sleep 0.02 || true; done");
    await started.printed('up\n');
    await bench().host.endLeftovers();
    expect(await started.exited).toMatchObject({ signal: 'SIGKILL', stopped: true });
  });

  it('ends daemons of all steps', async () => {
    const script = daemon(`for n in 1 2 3; do (setsid sleep 999 ${SILENT} &); done; exec sleep 999 ${SILENT}`);
    await Promise.all(Array.from({ length: 5 }, () => bench().start(script).exited));
    expect((await bench().host.endLeftovers()).length).toBe(20);
    expect(await bench().living()).toEqual([]);
  });

  it('ends nobody else, whatever the tracking variable says', async () => {
    const value = randomUUID();
    const env = { PATH: process.env.PATH, [TRACKING_VARIABLE]: value };
    const started = bench().start('echo up; sleep 999', { env: { [TRACKING_VARIABLE]: value } });
    await started.printed('up\n');
    const stranger = spawn('sleep', ['999'], { env });
    await once(stranger, 'spawn');
    started.process.stop();
    await started.exited;
    await bench().host.endLeftovers();
    expect(stranger.kill('SIGTERM')).toBe(true);
    expect(await once(stranger, 'exit')).toEqual([null, 'SIGTERM']);
  });
});

describeWithCgroups('with cgroups nothing can hide', () => {
  const bench = useProcessBench({ cgroups: true });
  const hidden = `env -i PATH="$PATH" ${daemon(`echo $$; exec sleep 999 ${SILENT}`).slice(1, -1)}`;

  it('from the end of the job', async () => {
    const started = bench().start(`(${hidden})`);
    await started.exited;
    const [, pid] = started.output().split('\n');
    expect(await bench().host.endLeftovers()).toEqual([{ pid: Number(pid), name: expect.any(String) }]);
  });

  it('from a stop', async () => {
    const started = bench().start(`(${hidden}); echo up; sleep 999; true`);
    await started.printed('up\n', 2);
    started.process.stop();
    await started.exited;
    const pid = /^\d+$/m.exec(started.output())?.[0];
    expect(isAlive(Number(pid))).toBe(false);
  });
});
