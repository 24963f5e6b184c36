/** How a process and all that it has started come to their end when one is asked for. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LADDER } from '../../src/process/running-process.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { daemon, useProcessBench } from '../support/process-bench.ts';

const MODES = [
  { name: 'with cgroups', cgroups: true },
  { name: 'without cgroups', cgroups: false },
] as const;

/** `up` tells that a script has come so far. Without the last command bash would turn into the one before. */
const SLEEP = 'echo up; sleep 999; true';
/** Lives on when a signal ends what it waits for. */
const FOREVER = 'echo up; while :; do sleep 0.02 || true; done';

// The clock stands still in these: what ends, ends without waiting for a rung's time.
describe.each(MODES)('a stop $name ends at once', ({ cgroups }) => {
  let clock: FakeClock;
  const bench = useProcessBench({ cgroups }, () => (clock = new FakeClock()));

  it.each<[shape: string, script: string, ups: number, exit: object]>([
    ['one foreground child', SLEEP, 1, { signal: 'SIGINT' }],
    ['an exec of the child', 'echo up; exec sleep 999', 1, { signal: 'SIGINT' }],
    ['a pipeline', 'echo up; sleep 999 | cat | cat; true', 1, { signal: 'SIGINT' }],
    ['children in the background, born with SIGINT ignored', 'sleep 999 & sleep 998 & echo up; wait', 1, {}],
    ['a trap that exits and leaves a child', "trap 'exit 5' INT; sleep 999 & echo up; wait", 1, { exitCode: 5 }],
    ['a trap that exits with 0', "trap 'exit 0' INT; echo up; while :; do sleep 0.02; done", 1, { exitCode: 0 }],
    ['a group of its own inside the session', 'echo up; timeout 999 sleep 998; true', 1, {}],
    ['jobs of a shell with job control', 'set -m; sleep 999 & (exec sleep 998) & echo up; wait', 1, {}],
    ['a daemon that holds the output', `${daemon()}; ${SLEEP}`, 2, {}],
    [
      'a daemon of a daemon',
      `${daemon('(setsid bash -c "echo up; exec sleep 998" &); exec sleep 997')}; ${SLEEP}`,
      3,
      {},
    ],
    ['a daemon that ignores every signal', `${daemon(`trap "" INT TERM HUP; ${FOREVER}`)}; ${SLEEP}`, 3, {}],
    ['a fork of forty daemons', `for n in $(seq 40); do ${daemon()}; done; ${SLEEP}`, 41, {}],
    [
      'daemons that go on making daemons',
      `${daemon('for n in $(seq 200); do (setsid sleep 999 &); done; sleep 999')}; ${SLEEP}`,
      2,
      {},
    ],
    ['a process that is stopped', 'echo up; kill -STOP $$', 1, {}],
  ])('%s', async (_shape, script, ups, exit) => {
    const started = bench().start(script, { ladder: DEFAULT_LADDER });
    await started.printed('up\n', ups);
    started.process.stop();
    if (script.includes('-STOP')) await clock.advance(DEFAULT_LADDER.interruptMs);
    expect(await started.exited).toMatchObject({ kind: 'exited', stopped: true, outputCut: false, ...exit });
    expect(await bench().living()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('what a script that has ended left in its session', async () => {
    const whenAlone = 'while kill -0 $$ 2> /dev/null; do sleep 0.01; done; echo up; exec sleep 999';
    const started = bench().start(`(${whenAlone}) & exit 3`, { ladder: DEFAULT_LADDER });
    await started.printed('up\n');
    started.process.stop();
    expect(await started.exited).toMatchObject({ exitCode: 3, stopped: true, outputCut: false });
    expect(await bench().living()).toEqual([]);
  });

  it('one that was asked for a kill, whatever it ignores', async () => {
    const started = bench().start(`${daemon()}; trap '' INT TERM; ${FOREVER}`, { ladder: DEFAULT_LADDER });
    await started.printed('up\n', 2);
    started.process.kill();
    expect(await started.exited).toMatchObject({ signal: 'SIGKILL', stopped: true });
    expect(await bench().living()).toEqual([]);
  });
});

describe.each(MODES)('the ladder $name', ({ cgroups }) => {
  let clock: FakeClock;
  const bench = useProcessBench({ cgroups }, () => (clock = new FakeClock()));
  const { interruptMs, terminateMs } = DEFAULT_LADDER;

  it('sends SIGTERM when the time of SIGINT is over, not before', async () => {
    const traps = "trap 'echo interrupted' INT; trap 'echo terminated; exit 6' TERM";
    const started = bench().start(`${traps}; ${FOREVER}`, { ladder: DEFAULT_LADDER });
    await started.printed('up\n');
    started.process.stop();
    await started.printed('interrupted\n');
    await clock.advance(interruptMs - 1);
    expect(started.output()).not.toContain('terminated');
    await clock.advance(1);
    expect(await started.exited).toMatchObject({ exitCode: 6, signal: null, stopped: true });
  });

  it('kills when the time of SIGTERM is over, not before', async () => {
    const traps = "trap 'echo interrupted' INT; trap 'echo terminated' TERM";
    const started = bench().start(`${traps}; ${FOREVER}`, { ladder: DEFAULT_LADDER });
    await started.printed('up\n');
    started.process.stop();
    await started.printed('interrupted\n');
    await clock.advance(interruptMs);
    await started.printed('terminated\n');
    await clock.advance(terminateMs - 1);
    expect((await bench().living()).length).toBeGreaterThan(0);
    await clock.advance(1);
    expect(await started.exited).toMatchObject({ exitCode: null, signal: 'SIGKILL', stopped: true });
  });

  it('gives the clean-up of a trap its time', async () => {
    const trap = "trap 'echo cleaning; read line < gate; echo cleaned; exit 7' INT; mkfifo gate";
    const started = bench().start(`cd '${bench().directory}'; ${trap}; ${FOREVER}`, { ladder: DEFAULT_LADDER });
    await started.printed('up\n');
    started.process.stop();
    await started.printed('cleaning\n');
    await clock.advance(interruptMs - 1);
    await bench().start(`cd '${bench().directory}'; echo go > gate; rm gate`).exited;
    expect(await started.exited).toMatchObject({ exitCode: 7, stopped: true });
    expect(started.output()).toContain('cleaned\n');
  });

  describe('when the script has ended and another process handles SIGINT', () => {
    // Node.js sets its handler although bash starts it with SIGINT ignored. It speaks when the shell is gone.
    const cleaner = `node -e "
      const clean = () => { try { process.kill($$, 0); setTimeout(clean, 5); } catch { console.log('cleaning'); } };
      process.on('SIGINT', clean);
      process.on('SIGTERM', () => { console.log('terminated'); process.exit(); });
      require('fs').watch('gate', () => { console.log('cleaned'); process.exit(); });
      console.log('up')" &`;
    const script = (): string => `cd '${bench().directory}'; mkdir gate; trap 'exit 4' INT; ${cleaner} wait`;
    const openGate = (): Promise<void> => rm(join(bench().directory, 'gate'), { recursive: true });

    it('gives that one the rest of the time of SIGINT', async () => {
      const started = bench().start(script(), { ladder: DEFAULT_LADDER });
      await started.printed('up\n');
      started.process.stop();
      await started.printed('cleaning\n');
      await clock.advance(interruptMs - 1);
      await openGate();
      expect(await started.exited).toMatchObject({ exitCode: 4, stopped: true });
      expect(started.output()).toBe('up\ncleaning\ncleaned\n');
    });

    it('sends it SIGTERM when that time is over', async () => {
      const started = bench().start(script(), { ladder: DEFAULT_LADDER });
      await started.printed('up\n');
      started.process.stop();
      await started.printed('cleaning\n');
      await clock.advance(interruptMs);
      expect(await started.exited).toMatchObject({ exitCode: 4, stopped: true });
      expect(started.output()).toBe('up\ncleaning\nterminated\n');
      await openGate();
    });
  });

  it('remembers a stop from before the start', async () => {
    const gate = bench().start('true');
    // More than there are pipes made ahead of time, so that the last has to wait for its pipe.
    const others = Array.from({ length: 70 }, () => bench().start('true').exited);
    const started = bench().start('echo ran');
    started.process.stop();
    expect(started.process.identity).toBeNull();
    expect(await started.exited).toMatchObject({ kind: 'not-started', stopped: true });
    expect(started.output()).toBe('');
    await Promise.all([gate.exited, ...others]);
  });

  it('begins once, however often a stop is asked for', async () => {
    const started = bench().start(`trap 'echo interrupted' INT; trap 'exit 0' TERM; ${FOREVER}`, {
      ladder: DEFAULT_LADDER,
    });
    await started.printed('up\n');
    started.process.stop();
    await started.printed('interrupted\n');
    started.process.stop();
    await clock.advance(interruptMs);
    await started.exited;
    expect(started.output().match(/interrupted/g)).toHaveLength(1);
  });

  it('is overtaken by a kill', async () => {
    const started = bench().start(`trap 'echo interrupted' INT; ${FOREVER}`, { ladder: DEFAULT_LADDER });
    await started.printed('up\n');
    started.process.stop();
    await started.printed('interrupted\n');
    started.process.kill();
    expect(await started.exited).toMatchObject({ signal: 'SIGKILL', stopped: true });
    expect(clock.pendingTimers).toBe(0);
  });

  it('does nothing to a process that has ended', async () => {
    const started = bench().start('true');
    await started.exited;
    started.process.stop();
    started.process.kill();
    expect(await started.exited).toMatchObject({ exitCode: 0, stopped: false });
  });
});

describe.each(MODES)('a stop that races the end $name', ({ cgroups }) => {
  const bench = useProcessBench({ cgroups });

  it('settles once, with everything gone', async () => {
    // Eighths of a millisecond, from before the start to well after the end.
    const sweep = Array.from({ length: 48 }, (_, eighths) => eighths / 8);
    for (const ms of sweep) {
      const started = bench().start(`(exit 0) & ${daemon('exit 0')}; exit 3`);
      const due = performance.now() + ms;
      while (performance.now() < due) await new Promise(setImmediate);
      started.process.stop();
      const exit = await started.exited;
      expect(exit.stopped || (exit.kind === 'exited' && exit.exitCode === 3)).toBe(true);
    }
    expect(await bench().living()).toEqual([]);
  });
});
