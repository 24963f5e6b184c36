import { describe, expect, it } from '@jest/globals';
import { reapLeftovers } from '../../src/process/reap.ts';
import { cgroupsOf, daemon, useProcessBench } from '../support/process-bench.ts';

describe.each([
  { name: 'with cgroups', cgroups: true },
  { name: 'without cgroups', cgroups: false },
])('what a worker that was killed left behind $name', ({ cgroups }) => {
  const bench = useProcessBench({ cgroups });
  const other = useProcessBench({ cgroups });

  it('is found by the id of its job and ended', async () => {
    const running = bench().start(`${daemon()}; echo up; sleep 999; true`);
    await running.printed('up\n', 2);
    const spared = other().start('echo up; sleep 999; true');
    await spared.printed('up\n');

    const ended = await reapLeftovers(bench().jobId);
    // The script, its child, and the daemon; a name is that of bash until the process has turned into its command.
    expect(ended).toHaveLength(3);
    for (const { name } of ended) expect(name).toMatch(/^(bash|sleep)$/);
    expect(await bench().living()).toEqual([]);
    expect(cgroupsOf(bench().jobId)).toEqual([]);
    expect((await other().living()).length).toBeGreaterThan(0);
  });

  it('may be nothing', async () => {
    expect(await reapLeftovers('no-such-job')).toEqual([]);
  });
});
