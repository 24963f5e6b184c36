/** The means of systems without /proc, tried on this one. */
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LADDER } from '../../src/process/running-process.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { useProcessBench } from '../support/process-bench.ts';

const DEAF = "trap '' INT TERM; echo up; while :; do sleep 0.02 || true; done";
/** A child in a session of its own, below a parent that lives. */
const DEAF_TREE = `setsid bash -c '${DEAF.replaceAll("'", '"')}' & ${DEAF}`;

describe('with the means of macOS', () => {
  let clock: FakeClock;
  const bench = useProcessBench({ cgroups: true, platform: 'darwin' }, () => (clock = new FakeClock()));

  it.each([
    ['one foreground child', 'echo up; sleep 999'],
    ['children in the background', 'sleep 999 & sleep 998 & echo up; wait'],
  ])('a stop ends the group: %s', async (_shape, script) => {
    const started = bench().start(script, { ladder: DEFAULT_LADDER });
    await started.printed('up\n');
    started.process.stop();
    expect(await started.exited).toMatchObject({ kind: 'exited', stopped: true, outputCut: false });
    expect(await bench().living()).toEqual([]);
  });

  it('the last rung walks the tree, out of the group as well', async () => {
    const started = bench().start(DEAF_TREE, { ladder: DEFAULT_LADDER });
    await started.printed('up\n', 2);
    started.process.stop();
    await clock.advance(DEFAULT_LADDER.interruptMs);
    await clock.advance(DEFAULT_LADDER.terminateMs);
    expect(await started.exited).toMatchObject({ signal: 'SIGKILL', stopped: true, outputCut: false });
    expect(await bench().living()).toEqual([]);
  });

  it('what was left in the group is ended at the end of the job', async () => {
    await bench().start('sleep 999 > /dev/null 2>&1 & true').exited;
    expect(await bench().host.endLeftovers()).toHaveLength(1);
    expect(await bench().living()).toEqual([]);
  });
});

describe('with the means of Windows', () => {
  const bench = useProcessBench({ cgroups: true, platform: 'win32' }, () => new FakeClock());

  it('a stop ends the tree at once', async () => {
    const started = bench().start(DEAF_TREE, { ladder: DEFAULT_LADDER });
    await started.printed('up\n', 2);
    started.process.stop();
    expect(await started.exited).toMatchObject({ signal: 'SIGKILL', stopped: true, outputCut: false });
    expect(await bench().living()).toEqual([]);
  });
});
