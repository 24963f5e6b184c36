/** What becomes of jobs when PostgreSQL goes, or one of the servers that share it. Real processes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { type ControlPlane, freePort } from '../support/control-plane.ts';
import { describePostgres } from '../support/postgres.ts';
import { createPostgresDatabase, startPostgres, stopPostgres } from '../support/postgres-server.ts';
import { endings, Gate, oneJob, run, startOne, whenFile, whenLogsAreSealed, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;

async function onPostgres(act: (plane: ControlPlane) => Promise<void>): Promise<void> {
  await withPlane(act, { database: await createPostgresDatabase() });
}

describePostgres('on PostgreSQL', () => {
  it(
    'a job goes on while the database is stopped, and is whole when it is started again',
    () =>
      onPostgres(async (plane) => {
        await startOne(plane);
        const gate = new Gate(plane, 'middle');
        const done = join(plane.directory, 'done');
        const script = `echo before; ${gate.script}; echo after; echo over >> ${done}`;
        const id = await plane.submit(
          oneJob([run(script, 'id: main'), run('echo "n=1" >> "$GITHUB_OUTPUT"', 'id: last')]),
        );
        await gate.whenReached();
        await stopPostgres();
        try {
          await gate.open();
          await whenFile(done, () => true);
          const refused = await plane.fetch(`/v1/runs/${id}`);
          expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
          expect((await plane.fetch('/readyz')).status).toBe(503);
          expect((await plane.fetch('/healthz')).status).toBe(200);
        } finally {
          await startPostgres();
        }
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success', 'last: success']);
        expect(view.jobs[0]?.attempt).toBe(1);
        expect(await readFile(done, 'utf8')).toBe('over\n');
        await whenLogsAreSealed(plane, id);
        const main = view.jobs[0]!.steps.find(({ step }) => step.id === 'main')!;
        expect(await plane.log(id, 'job', main.step.number)).toMatch(/before\n(.*\n)*after\n/);
      }),
    LIMIT_MS,
  );

  it(
    'of two servers one is killed under its jobs, and the other brings them to their end, each started once',
    () =>
      onPostgres(async (plane) => {
        const other = await freePort();
        await plane.startServer({ port: other });
        const doomed = await plane.startServer();
        const proxy = await plane.balance([plane.port, other]);
        await plane.register('one', [], proxy);
        await plane.register('two', [], proxy);
        plane.startAgent('one');
        plane.startAgent('two');
        const gates = [new Gate(plane, 'a'), new Gate(plane, 'b')];
        const starts = join(plane.directory, 'starts');
        const ids = await Promise.all(
          gates.map((gate) =>
            plane.submit(oneJob([run(`echo start >> ${starts}; ${gate.script}; echo after`, 'id: main')])),
          ),
        );
        await Promise.all(gates.map((gate) => gate.whenReached()));
        doomed.kill('SIGKILL');
        await doomed.exited;
        await Promise.all(gates.map((gate) => gate.open()));
        const late = await plane.request<{ runs: { id: number }[] }>(
          'POST',
          '/v1/runs',
          { workflow: { path: '.github/workflows/late.yml', text: oneJob([run('echo late', 'id: main')]) } },
          other,
        );
        for (const id of [...ids, late.runs[0]!.id]) {
          const view = await plane.completed(id, LIMIT_MS, other);
          expect(endings(view)).toEqual(['job: success', 'main: success']);
          expect(view.jobs[0]?.attempt).toBe(1);
        }
        expect(await readFile(starts, 'utf8')).toBe('start\nstart\n');
      }),
    LIMIT_MS,
  );
});
