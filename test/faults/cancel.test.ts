/** Cancellations that meet something else on their way. By a server and an agent, with real processes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../support/control-plane.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { endings, Gate, oneJob, run, startOne, whenAttempt, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;

const cancel = (plane: ControlPlane, id: number): Promise<unknown> =>
  plane.request('POST', `/v1/runs/${id}/cancel`, {});

/** Whatever was cancelled: the agent is in order and takes the next job. */
async function expectFree(plane: ControlPlane): Promise<void> {
  const next = await plane.submit(oneJob([run('echo fine', 'id: main')]));
  expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
}

describe('a cancellation', () => {
  it(
    'of a job that is queued ends it at once, and nobody ever runs it',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        const starts = join(plane.directory, 'starts');
        const id = await plane.submit(oneJob([run(`echo start >> ${starts}`, 'id: main')]));
        await cancel(plane, id);
        expect(endings(await plane.show(id))).toEqual(['job: cancelled (cancelled-by-user)']);
        plane.startAgent('one');
        await expectFree(plane);
        await expect(readFile(starts)).rejects.toThrow('ENOENT');
      }),
    LIMIT_MS,
  );

  it(
    'of a job that is offered ends it at once, and its agent cannot accept it any more',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        const proxy = await FaultProxy.open({ host: '127.0.0.1', port: plane.port });
        plane.afterwards(() => proxy.close());
        await plane.register('one', [], proxy.url);
        plane.startAgent('one');
        await expectFree(plane);
        const starts = join(plane.directory, 'starts');
        // Its poll, now or soon, is answered with an offer that it does not get.
        proxy.mode = { kind: 'half-open' };
        const id = await plane.submit(oneJob([run(`echo start >> ${starts}`, 'id: main')]));
        await whenAttempt(plane, id, 'offered');
        await cancel(plane, id);
        expect(endings(await plane.show(id))).toEqual(['job: cancelled (cancelled-by-user)']);
        // The connection with the offer is gone, and the agent comes again.
        proxy.mode = { kind: 'refuse' };
        proxy.mode = { kind: 'pass' };
        await expectFree(plane);
        await expect(readFile(starts)).rejects.toThrow('ENOENT');
      }),
    LIMIT_MS,
  );

  it(
    'that meets the end of its job leaves one conclusion, which nothing changes',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        for (let n = 0; n < 5; n++) {
          const gate = new Gate(plane, `end-${n}`);
          const id = await plane.submit(oneJob([run(gate.script, 'id: main')]));
          await gate.whenReached();
          await Promise.all([gate.open(), cancel(plane, id)]);
          const view = await plane.completed(id);
          const [job] = view.jobs;
          expect(['success', 'cancelled']).toContain(job?.conclusion);
          // A run that was cancelled is cancelled, also where its last job just came to its end.
          if (view.conclusion === 'success') expect(job?.conclusion).toBe('success');
          else expect(view.conclusion).toBe('cancelled');
          expect(job?.steps.every(({ state }) => state === 'completed')).toBe(true);
          await plane.fetch(`/v1/runs/${id}/cancel`, { method: 'POST' });
          const later = await plane.show(id);
          expect([later.conclusion, endings(later)]).toEqual([view.conclusion, endings(view)]);
        }
        await expectFree(plane);
      }),
    LIMIT_MS,
  );

  it(
    'of a job whose agent cannot be reached is heard of when it can, post steps included',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        const proxy = await FaultProxy.open({ host: '127.0.0.1', port: plane.port });
        plane.afterwards(() => proxy.close());
        await plane.register('one', [], proxy.url);
        plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const last = join(plane.directory, 'last');
        const id = await plane.submit(
          oneJob([run(gate.script, 'id: main'), run(`echo cleaned >> ${last}`, 'id: always, if: always()')]),
        );
        await gate.whenReached();
        proxy.mode = { kind: 'silence' };
        await whenAttempt(plane, id, 'disconnected');
        await cancel(plane, id);
        proxy.mode = { kind: 'pass' };
        expect(endings(await plane.completed(id))).toEqual([
          'job: cancelled (cancelled-by-user)',
          'main: cancelled',
          'always: success',
        ]);
        expect(await readFile(last, 'utf8')).toBe('cleaned\n');
        await expectFree(plane);
      }),
    LIMIT_MS,
  );
});
