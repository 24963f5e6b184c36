/** What becomes of results and logs when disks are full. Real processes on file systems of a few megabytes. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../support/control-plane.ts';
import { CAN_MOUNT, type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { endings, oneJob, QUICK, run, startOne, whenLogsAreSealed, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;

function small(plane: ControlPlane, kilobytes: number): SmallDisk {
  const disk = smallDisk(kilobytes);
  plane.afterwards(() => {
    disk.remove();
  });
  return disk;
}

/** Lines that a step prints, and only they. */
const printed = (log: string): string[] => log.split('\n').filter((line) => /^\d+ y+$/.test(line));
const LINES = 40_000;
const LOUD = `y=$(printf '%90s' | tr ' ' y); awk -v y="$y" 'BEGIN { for (n = 1; n <= ${LINES}; n++) print n " " y }'`;

(CAN_MOUNT ? describe : describe.skip)('a full disk', () => {
  it(
    'of the server refuses logs and keeps results; the logs come when there is room',
    () =>
      withPlane(async (plane) => {
        const disk = small(plane, 1_024);
        await mkdir(plane.dataDirectory);
        await symlink(disk.path, join(plane.dataDirectory, 'logs'));
        const agent = await startOne(plane);
        const id = await plane.submit(
          oneJob([run(LOUD, 'id: loud'), run('echo "n=7" >> "$GITHUB_OUTPUT"', 'id: last')]),
        );
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'loud: success', 'last: success']);
        const loud = view.jobs[0]!.steps.find(({ step }) => step.id === 'loud')!;
        const last = view.jobs[0]!.steps.find(({ step }) => step.id === 'last')!;
        expect(last.step.outputs).toEqual({ n: '7' });
        expect(loud.log?.sealed ?? false).toBe(false);
        const next = await plane.submit(oneJob([run('echo "n=8" >> "$GITHUB_OUTPUT"', 'id: main')]));
        expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
        disk.grow(64 * 1_024);
        // One that is started anew does not wait out the pause of the old one.
        agent.kill('SIGKILL');
        await agent.exited;
        plane.startAgent('one');
        await whenLogsAreSealed(plane, id);
        await whenLogsAreSealed(plane, next);
        const lines = printed(await plane.log(id, 'job', loud.step.number));
        expect([lines.length, lines[0], lines.at(-1)]).toEqual([
          LINES,
          `1 ${'y'.repeat(90)}`,
          `${LINES} ${'y'.repeat(90)}`,
        ]);
      }),
    LIMIT_MS,
  );

  it(
    'of the agent cuts logs with a line that says so and keeps every result',
    () =>
      withPlane(
        async (plane) => {
          const disk = small(plane, 8 * 1_024);
          await mkdir(join(plane.directory, 'agents'));
          await symlink(disk.path, plane.stateOf('one'));
          await startOne(plane);
          const filler = join(disk.path, 'filler');
          const id = await plane.submit(
            oneJob([
              run(`cat /dev/zero > ${filler} || echo full`, 'id: fills'),
              run(LOUD, 'id: loud'),
              run('exit 3', 'id: fails, continue-on-error: true'),
              run(`rm ${filler}; echo "n=7" >> "$GITHUB_OUTPUT"`, 'id: last, if: always()'),
            ]),
          );
          const view = await plane.completed(id);
          expect(view.jobs[0]?.attempt).toBe(1);
          expect(endings(view)).toEqual([
            'job: success',
            'fills: success',
            'loud: success',
            'fails: success',
            'last: success',
          ]);
          const [loud, fails] = ['loud', 'fails'].map((id) => view.jobs[0]!.steps.find(({ step }) => step.id === id)!);
          expect(fails?.step).toMatchObject({ outcome: 'failure', exitCode: 3 });
          await whenLogsAreSealed(plane, id);
          const log = await plane.log(id, 'job', loud!.step.number);
          expect(log).toContain('log cut');
          expect(printed(log).length).toBeLessThan(LINES);
          const next = await plane.submit(oneJob([run('echo fine', 'id: main')]));
          expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
        },
        { config: { ...QUICK, agent: { minFreeDiskMb: 0 } } },
      ),
    LIMIT_MS,
  );
});
