/** Clocks of machines that are set while jobs run. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../support/control-plane.ts';
import { endings, Gate, oneJob, QUICK, run, statesOf, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;
const HOUR_MS = 3_600_000;
const PRELOAD = fileURLToPath(new URL('../support/shift-clock.cjs', import.meta.url));
/** A lease that is not renewed ends while the job runs on. */
const LONGER_THAN_LEASE = QUICK.server.leaseSeconds + 2;

describe.each([
  { way: 'an hour forward', by: HOUR_MS },
  { way: 'an hour back', by: -HOUR_MS },
])('a clock that is set $way', ({ by }) => {
  it.each(['server', 'agent'] as const)(
    'on the machine of the %s ends no lease early and makes no step last an hour',
    (whose) =>
      withPlane(async (plane) => {
        const clock = await clockOf(plane);
        await plane.startServer(whose === 'server' ? { environment: clock.environment } : {});
        await plane.register('one');
        plane.startAgent('one', [], whose === 'agent' ? clock.environment : {});
        const gate = new Gate(plane, 'middle');
        const id = await plane.submit(
          oneJob([run(`${gate.script}; sleep ${LONGER_THAN_LEASE}`, 'id: main'), run('echo after', 'id: last')]),
        );
        await gate.whenReached();
        await clock.move(by);
        await gate.open();
        expect(await statesOf(plane, id)).not.toContain('disconnected');
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success', 'last: success']);
        const [job] = view.jobs;
        expect(job?.attempt).toBe(1);
        for (const { step } of job?.steps ?? []) {
          const lasted = Date.parse(step.completedAt ?? '') - Date.parse(step.startedAt ?? '');
          expect({ step: step.name, lasted: lasted >= 0 && lasted < HOUR_MS / 2 }).toMatchObject({ lasted: true });
        }
        // And the next job is taken by both.
        expect(endings(await plane.completed(await plane.submit(oneJob([run('echo next', 'id: main')]))))).toEqual([
          'job: success',
          'main: success',
        ]);
      }),
    LIMIT_MS,
  );
});

async function clockOf(plane: ControlPlane): Promise<{
  readonly environment: Record<string, string>;
  readonly move: (ms: number) => Promise<void>;
}> {
  const file = join(plane.directory, 'clock');
  const move = (ms: number): Promise<void> => writeFile(file, String(ms));
  await move(0);
  return { environment: { NODE_OPTIONS: `--require ${PRELOAD}`, PACELINE_TEST_CLOCK: file }, move };
}
