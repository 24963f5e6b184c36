/** A step that starts processes until there may be no more of them. */
import { describe, expect, it } from '@jest/globals';
import { CAN_LIMIT, processLimit } from '../support/process-limit.ts';
import { endings, Gate, oneJob, run, startOne, statesOf, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;
const MOST = 300;

(CAN_LIMIT ? describe : describe.skip)('a fork bomb in a control group that limits processes', () => {
  it(
    'ends with its step, renewals go on, and the agent takes the next job',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        const limit = processLimit(`paceline-bomb-${process.pid}`, MOST);
        plane.afterwards(() => {
          limit.remove();
        });
        const gate = new Gate(plane, 'before');
        const id = await plane.submit(
          oneJob([
            run(gate.script, 'id: first'),
            run('bomb() { bomb | bomb; }; bomb', 'id: bomb, timeout-minutes: 0.1'),
            run('echo alive', 'id: last, if: always()'),
          ]),
        );
        await gate.whenReached();
        // Agent, workers and steps, as where a service has a limit; what is started from now on as well.
        for (const { pid, name } of await plane.living()) if (!name.includes(' server ')) limit.add(pid);
        await gate.open();
        expect(await statesOf(plane, id)).not.toContain('disconnected');
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: failure', 'first: success', 'bomb: failure', 'last: success']);
        const next = await plane.submit(oneJob([run('echo next', 'id: main')]));
        expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
      }),
    LIMIT_MS,
  );
});
