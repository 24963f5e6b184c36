/** What becomes of jobs when the network between agent and server fails. A TCP proxy stands between them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ControlPlane, ControlPlaneOptions } from '../support/control-plane.ts';
import { FaultProxy, type ProxyMode } from '../support/fault-proxy.ts';
import {
  endings,
  Gate,
  oneJob,
  run,
  SOON_LOST,
  whenAttempt,
  whenFile,
  whenLogsAreSealed,
  withPlane,
} from './fault-plane.ts';

const LIMIT_MS = 120_000;

/** The runner `one` is registered behind the proxy. */
async function withProxy(
  act: (plane: ControlPlane, proxy: FaultProxy) => Promise<void>,
  options: ControlPlaneOptions = {},
): Promise<void> {
  await withPlane(async (plane) => {
    await plane.startServer();
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: plane.port });
    plane.afterwards(() => proxy.close());
    await plane.register('one', [], proxy.url);
    await act(plane, proxy);
    proxy.mode = { kind: 'pass' };
  }, options);
}

/** A job that waits for the gate, and at its end leaves a file that no part of the system knows of. */
function witnessed(plane: ControlPlane): { readonly gate: Gate; readonly text: string; readonly done: string } {
  const gate = new Gate(plane, 'middle');
  const done = join(plane.directory, 'done');
  const script = `echo before; ${gate.script}; echo after; echo over >> ${done}`;
  return { gate, done, text: oneJob([run(script, 'id: main')]) };
}

async function expectWhole(plane: ControlPlane, id: number, done: string): Promise<void> {
  const view = await plane.completed(id);
  expect(endings(view)).toEqual(['job: success', 'main: success']);
  expect(view.jobs[0]?.attempt).toBe(1);
  expect(await readFile(done, 'utf8')).toBe('over\n');
  await whenLogsAreSealed(plane, id);
  const main = view.jobs[0]!.steps.find(({ step }) => step.id === 'main')!;
  expect(await plane.log(id, 'job', main.step.number)).toMatch(/before\n(.*\n)*after\n/);
}

describe('a job whose agent cannot reach the server', () => {
  const modes: readonly ProxyMode[] = [{ kind: 'refuse' }, { kind: 'silence' }, { kind: 'captive-portal' }];
  it.each(modes)(
    'goes on to its end, shows as disconnected, and is whole afterwards (partition both ways: $kind)',
    (mode) =>
      withProxy(async (plane, proxy) => {
        plane.startAgent('one');
        const { gate, done, text } = witnessed(plane);
        const id = await plane.submit(text);
        await gate.whenReached();
        proxy.mode = mode;
        await gate.open();
        await whenFile(done, () => true);
        await whenAttempt(plane, id, 'disconnected');
        proxy.mode = { kind: 'pass' };
        await expectWhole(plane, id, done);
      }),
    LIMIT_MS,
  );

  const oneWay: readonly ProxyMode[] = [{ kind: 'half-open' }, { kind: 'cut', afterBytes: 40 }];
  it.each(oneWay)(
    'but is heard by it reports its end, once, and learns later that it did (partition one way: $kind)',
    (mode) =>
      withProxy(async (plane, proxy) => {
        plane.startAgent('one');
        const { gate, done, text } = witnessed(plane);
        const id = await plane.submit(text);
        await gate.whenReached();
        proxy.mode = mode;
        await gate.open();
        expect(endings(await plane.completed(id))).toEqual(['job: success', 'main: success']);
        proxy.mode = { kind: 'pass' };
        await expectWhole(plane, id, done);
        // The slot is free only when the agent knows that its result is stored.
        const next = await plane.submit(oneJob([run('echo fine', 'id: main')]));
        expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
      }),
    LIMIT_MS,
  );

  it(
    'for longer than the server waits is lost once; what it reports later is kept and changes nothing',
    () =>
      withProxy(
        async (plane, proxy) => {
          plane.startAgent('one');
          const gate = new Gate(plane, 'middle');
          const starts = join(plane.directory, 'starts');
          const id = await plane.submit(
            oneJob([run(`echo start >> ${starts}; ${gate.script}; echo after`, 'id: main')]),
          );
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
        },
        { config: SOON_LOST },
      ),
    LIMIT_MS,
  );

  it(
    'and may not run twice at once is dead before it runs on another one (partition of an exclusive job)',
    () =>
      withProxy(async (plane, proxy) => {
        plane.startAgent('one');
        await plane.register('two');
        const gate = new Gate(plane, 'middle');
        const pids = join(plane.directory, 'pids');
        const seen = join(plane.directory, 'seen');
        const second = `read first < ${pids}; cut -d' ' -f3 /proc/$first/stat > ${seen} 2> ${seen}.none || true`;
        const first = `echo here > ${gate.reached}; exec sleep 600`;
        const id = await plane.submit(
          oneJob([run(`echo $$ >> ${pids}; if [ $(wc -l < ${pids}) = 1 ]; then ${first}; fi; ${second}`, 'id: main')]),
          { exclusive: ['*'] },
        );
        await gate.whenReached();
        plane.startAgent('two');
        proxy.mode = { kind: 'silence' };
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success']);
        expect(view.jobs[0]).toMatchObject({ attempt: 2, runner: 'two' });
        // Gone, or dead and not yet buried.
        expect(['', 'Z\n', 'X\n']).toContain(await readFile(seen, 'utf8'));
        expect((await readFile(pids, 'utf8')).trim().split('\n')).toHaveLength(2);
      }),
    LIMIT_MS,
  );
});
