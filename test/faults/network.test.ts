/** What becomes of jobs when the network between agent and server fails. A TCP proxy stands between them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../support/control-plane.ts';
import { FaultProxy, type ProxyMode } from '../support/fault-proxy.ts';
import { endings, Gate, oneJob, run, whenFile, whenLogsAreSealed, withPlane } from './fault-plane.ts';

const LIMIT_MS = 90_000;

async function withProxy(act: (plane: ControlPlane, proxy: FaultProxy) => Promise<void>): Promise<void> {
  await withPlane(async (plane) => {
    await plane.startServer();
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: plane.port });
    try {
      await plane.register('one', [], proxy.url);
      await act(plane, proxy);
    } finally {
      await proxy.close();
    }
  });
}

describe('a job whose agent cannot reach the server', () => {
  const modes: readonly ProxyMode[] = [
    { kind: 'refuse' },
    { kind: 'silence' },
    { kind: 'half-open' },
    { kind: 'cut', afterBytes: 40 },
    { kind: 'captive-portal' },
  ];
  it.each(modes)(
    'goes on, shows as disconnected, and is whole again afterwards: $kind',
    (mode) =>
      withProxy(async (plane, proxy) => {
        plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const id = await plane.submit(oneJob([run(`echo before; ${gate.script}; echo after`, 'id: main')]));
        await gate.whenReached();
        proxy.mode = mode;
        await gate.open();
        await state(plane, id, 'disconnected');
        proxy.mode = { kind: 'pass' };
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success']);
        expect(view.jobs[0]?.attempt).toBe(1);
        await whenLogsAreSealed(plane, id);
        expect(
          await plane.log(id, 'job', view.jobs[0]!.steps.find(({ step }) => step.id === 'main')!.step.number),
        ).toMatch(/before\n(.*\n)*after\n/);
      }),
    LIMIT_MS,
  );

  it(
    'for longer than the server waits is lost once; what it reports later is kept and changes nothing',
    () =>
      withProxy(async (plane, proxy) => {
        plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const starts = join(plane.directory, 'starts');
        const id = await plane.submit(oneJob([run(`echo start >> ${starts}; ${gate.script}; echo after`, 'id: main')]));
        await gate.whenReached();
        proxy.mode = { kind: 'silence' };
        const view = await plane.completed(id);
        expect(view.jobs[0]).toMatchObject({ conclusion: 'failure', reason: 'runner-lost', attempt: 1 });
        proxy.mode = { kind: 'pass' };
        // The agent hears that the attempt is no longer its own and ends the job's processes.
        const next = await plane.submit(oneJob([run('echo fine', 'id: main')]));
        expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
        expect((await plane.living()).filter(({ name }) => name.includes('gate-middle'))).toEqual([]);
        expect((await plane.show(id)).jobs[0]).toMatchObject({ conclusion: 'failure', reason: 'runner-lost' });
        expect(await readFile(starts, 'utf8')).toBe('start\n');
      }),
    LIMIT_MS,
  );

  it(
    'and may not run twice at once is ended by its agent before its lease is over',
    () =>
      withProxy(async (plane, proxy) => {
        plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const alive = join(plane.directory, 'alive');
        const id = await plane.submit(
          oneJob([
            run(
              `echo here > ${gate.reached}; while :; do date +%s%N > ${alive}.new; mv ${alive}.new ${alive}; sleep 0.05; done`,
              'id: main',
            ),
          ]),
          { exclusive: ['*'] },
        );
        await gate.whenReached();
        proxy.mode = { kind: 'silence' };
        const silentSince = Date.now();
        await state(plane, id, 'disconnected', 'lost');
        const lastSign = Number(await readFile(alive, 'utf8')) / 1e6;
        expect(lastSign - silentSince).toBeLessThan(4_000);
        proxy.mode = { kind: 'pass' };
        expect((await plane.completed(id)).jobs[0]).toMatchObject({ conclusion: 'failure' });
      }),
    LIMIT_MS,
  );
});

/** Resolves when the run's job is said to be in one of these states, or is over when `lost` is among them. */
async function state(plane: ControlPlane, id: number, ...states: string[]): Promise<void> {
  for (;;) {
    const [job] = (await plane.show(id)).jobs;
    if (job?.attemptState != null && states.includes(job.attemptState)) return;
    if (job?.state === 'completed') {
      if (states.includes('lost')) return;
      throw new Error(`the job is over: ${String(job.conclusion)} (${String(job.reason)})`);
    }
    await whenFile(join(plane.dataDirectory, 'admin-token'), () => true);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
