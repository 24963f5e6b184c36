/** What becomes of jobs when their workers die. Real processes, `kill -9`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { FailpointName } from '../../src/kernel/failpoint.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { endings, Gate, oneJob, run, startOne, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;

/** Pid of the worker that has a job: the one that the job's processes descend from, not the spare one. */
async function workerOf(plane: ControlPlane): Promise<number> {
  const living = await plane.living();
  const workers = new Set(living.filter(({ name }) => / worker( |$)/.test(name)).map(({ pid }) => pid));
  for (const { pid } of living) {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (workers.has(parent)) return parent;
  }
  throw new Error('no worker has a job');
}

describe('a worker that is killed', () => {
  it(
    'leaves no process, and the results it had are kept',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        const gate = new Gate(plane, 'middle');
        const id = await plane.submit(
          oneJob([
            run('echo kept=1 >> "$GITHUB_OUTPUT"', 'id: first'),
            run('sleep 600', 'id: b1, background: true'),
            run('setsid sleep 600 & sleep 600', 'id: b2, background: true'),
            run('(setsid sleep 600 &) ; sleep 600', 'id: b3, background: true'),
            run(gate.script, 'id: stuck'),
          ]),
        );
        await gate.whenReached();
        process.kill(await workerOf(plane), 'SIGKILL');
        const view = await plane.completed(id);
        const [job] = view.jobs;
        expect(job).toMatchObject({ conclusion: 'failure', attempt: 1 });
        expect(job?.reason).toBe('runner-lost');
        const first = job?.steps.find(({ step }) => step.id === 'first')?.step;
        expect(first).toMatchObject({ conclusion: 'success', outputs: { kept: '1' } });
        expect(job?.steps.every(({ state }) => state === 'completed')).toBe(true);
        const sleepers = (await plane.living()).filter(({ name }) => name.startsWith('sleep 600'));
        expect(sleepers).toEqual([]);
      }),
    LIMIT_MS,
  );

  it.each<FailpointName>(['worker-after-step-journal', 'worker-before-job-finished'])(
    'at %s is not started again, and what it had written is reported',
    (point) =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        const starts = join(plane.directory, 'starts');
        const struck = plane.startAgent('one', [], { PACELINE_FAILPOINT: point });
        const id = await plane.submit(
          oneJob([
            run(`echo start >> ${starts}; echo n=1 >> "$GITHUB_OUTPUT"`, 'id: main'),
            run('echo more', 'id: more'),
          ]),
        );
        const view = await plane.completed(id);
        expect(view.jobs[0]).toMatchObject({ conclusion: 'failure', reason: 'runner-lost', attempt: 1 });
        expect(view.jobs[0]?.steps.every(({ state }) => state === 'completed')).toBe(true);
        expect(await readFile(starts, 'utf8').catch(() => 'start\n')).toBe('start\n');
        const main = view.jobs[0]?.steps.find(({ step }) => step.id === 'main')?.step;
        if (point === 'worker-before-job-finished')
          expect(main).toMatchObject({ conclusion: 'success', outputs: { n: '1' } });
        struck.kill('SIGTERM');
        await struck.exited;
      }),
    LIMIT_MS,
  );

  it(
    'has nothing left of its job when the next one begins (aion#204)',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        const pids = join(plane.directory, 'pids');
        const gate = new Gate(plane, 'middle');
        const orphans = `for n in 1 2 3; do setsid sh -c 'echo $$ >> ${pids}; exec sleep 600' & done`;
        const all = `until [ "$(wc -l < ${pids})" = 3 ]; do sleep 0.05; done`;
        await plane.submit(oneJob([run(`${orphans}; ${all}; ${gate.script}`, 'id: main')]));
        const seen = join(plane.directory, 'seen');
        // Dead ones that nobody has buried yet are no processes any more.
        const look = `while read pid; do cut -d' ' -f3 /proc/$pid/stat 2>/dev/null; done < ${pids} | grep -v '[ZX]' > ${seen} || true`;
        const next = await plane.submit(oneJob([run(look, 'id: main')]));
        await gate.whenReached();
        process.kill(await workerOf(plane), 'SIGKILL');
        expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
        expect(await readFile(seen, 'utf8')).toBe('');
      }),
    LIMIT_MS,
  );

  it(
    'by its own job takes neither the agent down nor the job up again',
    () =>
      withPlane(async (plane) => {
        const agent = await startOne(plane);
        const starts = join(plane.directory, 'starts');
        // The parent of the shell is the worker.
        const poison = await plane.submit(oneJob([run(`echo start >> ${starts}; kill -9 $PPID; sleep 5`, 'id: main')]));
        expect((await plane.completed(poison)).jobs[0]).toMatchObject({ conclusion: 'failure' });
        expect(await readFile(starts, 'utf8')).toBe('start\n');
        const next = await plane.submit(oneJob([run('echo fine', 'id: main')]));
        expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
        expect(agent.child.exitCode).toBeNull();
      }),
    LIMIT_MS,
  );

  it(
    'each time, where the job may be tried again, fails it after three attempts (poison job)',
    () =>
      withPlane(async (plane) => {
        const agent = await startOne(plane);
        const starts = join(plane.directory, 'starts');
        const poison = await plane.submit(
          oneJob([run(`echo start >> ${starts}; kill -9 $PPID; sleep 5`, 'id: main')]),
          { exclusive: ['*'] },
        );
        const view = await plane.completed(poison);
        expect(view.jobs[0]).toMatchObject({ conclusion: 'failure', reason: 'runner-lost', attempt: 3 });
        expect(await readFile(starts, 'utf8')).toBe('start\nstart\nstart\n');
        const next = await plane.submit(oneJob([run('echo fine', 'id: main')]));
        expect(endings(await plane.completed(next))).toEqual(['job: success', 'main: success']);
        expect(agent.child.exitCode).toBeNull();
      }),
    LIMIT_MS,
  );
});
