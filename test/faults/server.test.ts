/** What becomes of runs when servers die. Real processes, `kill -9`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { FailpointName } from '../../src/kernel/failpoint.ts';
import { endings, Gate, oneJob, run, whenLogsAreSealed, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;

const CHAIN = [
  'on: push',
  'jobs:',
  '  one:',
  '    runs-on: self-hosted',
  '    outputs: { text: "${{ steps.main.outputs.text }}" }',
  '    steps:',
  '      - id: main',
  '        run: echo "start one" >> "$STARTS"; echo text=hello >> "$GITHUB_OUTPUT"; for i in $(seq 200); do echo line $i; done; sleep 0.5',
  '  two:',
  '    needs: one',
  '    runs-on: self-hosted',
  '    steps:',
  '      - id: main',
  '        run: echo "start two" >> "$STARTS"; echo "${{ needs.one.outputs.text }}"',
].join('\n');

describe('a server that is killed', () => {
  it(
    'under a running job goes on with it after its start, and the job did not notice',
    () =>
      withPlane(async (plane) => {
        const server = await plane.startServer();
        await plane.register('one');
        plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const id = await plane.submit(oneJob([run(`echo before; ${gate.script}; echo after`, 'id: main')]));
        await gate.whenReached();
        server.kill('SIGKILL');
        await server.exited;
        await gate.open();
        await plane.startServer();
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success']);
        expect(view.jobs[0]?.attempt).toBe(1);
      }),
    LIMIT_MS,
  );

  const points: readonly (readonly [FailpointName, number])[] = [
    // Of the submission, of the offer and its acceptance, of the reports in the middle, of the end.
    ['server-before-commit', 1],
    ['server-before-commit', 8],
    ['server-after-commit', 2],
    ['server-after-commit', 5],
    ['server-after-commit', 15],
    ['server-after-log-write', 1],
    ['server-after-log-sync', 1],
  ];
  it.each(points)(
    'at %s %i finishes the run after its start, each job started once, logs whole',
    (point, nth) =>
      withPlane(async (plane) => {
        // The first start makes the database, so that the failpoint counts commits of the run alone.
        const first = await plane.startServer();
        await plane.register('one');
        first.kill('SIGTERM');
        await first.exited;
        const starts = join(plane.directory, 'starts');
        const server = await plane.startServer({ environment: { PACELINE_FAILPOINT: `${point}:${20 + nth}` } });
        plane.startAgent('one', [], { STARTS: starts });
        const submitted = plane.submit(CHAIN, { dedupeKey: 'one' }).catch(() => null);
        const restarted = server.exited.then(() => plane.startServer());
        let id = await submitted;
        if (id === null) {
          await restarted;
          id = await plane.submit(CHAIN, { dedupeKey: 'one' });
        }
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['one: success', 'main: success', 'two: success', 'main: success']);
        expect((await readFile(starts, 'utf8')).split('\n').sort()).toEqual(['', 'start one', 'start two']);
        await whenLogsAreSealed(plane, id);
        const number = view.jobs[0]!.steps.find(({ step }) => step.id === 'main')!.step.number;
        const printed = (await plane.log(id, 'one', number)).split('\n').filter((line) => line.startsWith('line '));
        expect(printed).toEqual(Array.from({ length: 200 }, (_, n) => `line ${n + 1}`));
        // Fewer commits than that were needed: nothing was killed, and nothing is to be waited for.
        server.kill('SIGTERM');
        await restarted;
      }),
    LIMIT_MS,
  );
});

describe('a server that is restored from a backup', () => {
  it(
    'gets from its agents what it has forgotten',
    () =>
      withPlane(async (plane) => {
        const server = await plane.startServer();
        await plane.register('one');
        plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const id = await plane.submit(
          oneJob([run(`echo before; ${gate.script}; echo result=7 >> "$GITHUB_OUTPUT"; echo after`, 'id: main')]),
        );
        await gate.whenReached();
        const backup = join(plane.directory, 'backup');
        const backingUp = plane.start(['server', 'backup', backup, '--data', plane.dataDirectory]);
        expect(await backingUp.exited).toEqual({ code: 0, signal: null });
        await gate.open();
        expect(endings(await plane.completed(id))).toEqual(['job: success', 'main: success']);
        server.kill('SIGKILL');
        await server.exited;
        const restoring = plane.start(['server', 'restore', backup, '--data', plane.dataDirectory, '--force']);
        expect(await restoring.exited).toEqual({ code: 0, signal: null });
        await plane.startServer();
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success']);
        const main = view.jobs[0]!.steps.find(({ step }) => step.id === 'main')!.step;
        expect(main.outputs).toEqual({ result: '7' });
        await whenLogsAreSealed(plane, id);
        expect(await plane.log(id, 'job', main.number)).toMatch(/before\n(.*\n)*after\n/);
      }),
    LIMIT_MS,
  );
});
