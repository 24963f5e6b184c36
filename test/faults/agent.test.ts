/** What becomes of jobs when agents and workers die. Real processes, `kill -9`. */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { FailpointName } from '../../src/kernel/failpoint.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { endings, Gate, oneJob, QUICK, run, whenFile, whenLogsAreSealed, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;

describe('an agent that is killed', () => {
  it(
    'leaves its job alone, and the next one sends what it missed',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        const gate = new Gate(plane, 'middle');
        const agent = plane.startAgent('one');
        const id = await plane.submit(
          oneJob([
            run(`echo before; ${gate.script}; echo after`, 'id: main'),
            run('for i in 1 2 3; do echo side $i; sleep 0.2; done', 'id: side, background: true'),
            '{ wait-all: true }',
            run('echo result=42 >> "$GITHUB_OUTPUT"', 'id: last'),
          ]),
        );
        await gate.whenReached();
        agent.kill('SIGKILL');
        await agent.exited;
        await gate.open();
        plane.startAgent('one');
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(
          expect.arrayContaining(['job: success', 'main: success', 'side: success', 'last: success']),
        );
        const [job] = view.jobs;
        expect(job?.attempt).toBe(1);
        await whenLogsAreSealed(plane, id);
        const main = job?.steps.find(({ step }) => step.id === 'main');
        expect(await plane.log(id, 'job', main!.step.number)).toMatch(/before\n(.*\n)*after\n/);
        expect(job?.steps.find(({ step }) => step.id === 'last')?.step.outputs).toEqual({ result: '42' });
      }),
    LIMIT_MS,
  );

  it(
    'after the job ended reports its end when it comes back',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        const gate = new Gate(plane, 'end');
        const agent = plane.startAgent('one');
        const done = join(plane.directory, 'done');
        const id = await plane.submit(oneJob([run(`${gate.script}; echo over > ${done}`, 'id: main')]));
        await gate.whenReached();
        agent.kill('SIGKILL');
        await agent.exited;
        await gate.open();
        await whenFile(done, () => true);
        plane.startAgent('one');
        expect(endings(await plane.completed(id))).toEqual(['job: success', 'main: success']);
      }),
    LIMIT_MS,
  );

  // What happens between two of these is one write or one request; a job is lost only in the one gap where nobody can
  // know whether its worker was started.
  const points: readonly (readonly [FailpointName | `${FailpointName}:${number}`, string])[] = [
    ['agent-after-accept', 'success'],
    ['agent-before-journal', 'success'],
    ['agent-after-journal', 'any'],
    ['agent-after-start-acknowledged', 'any'],
    ['agent-after-spawn', 'success'],
    ['agent-after-sync-answer:2', 'success'],
    ['agent-after-log-answer', 'success'],
    ['agent-before-finish-acknowledged', 'success'],
  ];
  it.each(points)(
    'at %s never starts the job twice, and the run ends',
    (point, ending) =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        const starts = join(plane.directory, 'starts');
        const agent = plane.startAgent('one', [], { PACELINE_FAILPOINT: point });
        const id = await plane.submit(
          oneJob([run(`echo start >> ${starts}; echo text; sleep 0.3`, 'id: main'), run('echo more', 'id: more')]),
        );
        expect((await agent.exited).signal).toBe('SIGKILL');
        plane.startAgent('one');
        const view = await plane.completed(id);
        const count = (await readFile(starts, 'utf8').catch(() => '')).split('\n').length - 1;
        const [job] = view.jobs;
        if (ending === 'success') expect(endings(view)).toEqual(['job: success', 'main: success', 'more: success']);
        expect({ conclusion: job?.conclusion, count }).toEqual(
          job?.conclusion === 'success' ? { conclusion: 'success', count: 1 } : { conclusion: 'failure', count: 0 },
        );
      }),
    LIMIT_MS,
  );

  it(
    'twice, with two jobs in its slots, loses neither',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        let agent = plane.startAgent('one', ['--slots', '2']);
        const gates = [new Gate(plane, 'a'), new Gate(plane, 'b')];
        const ids = await Promise.all(
          gates.map((gate) => plane.submit(oneJob([run(`${gate.script}; echo done`, 'id: main')]))),
        );
        await Promise.all(gates.map((gate) => gate.whenReached()));
        for (let n = 0; n < 2; n++) {
          agent.kill('SIGKILL');
          await agent.exited;
          agent = plane.startAgent('one', ['--slots', '2']);
        }
        await Promise.all(gates.map((gate) => gate.open()));
        for (const id of ids) expect(endings(await plane.completed(id))).toEqual(['job: success', 'main: success']);
      }),
    LIMIT_MS,
  );
});

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
        await plane.startServer();
        await plane.register('one');
        plane.startAgent('one');
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
        await plane.startServer();
        await plane.register('one');
        plane.startAgent('one');
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
        await plane.startServer();
        await plane.register('one');
        const agent = plane.startAgent('one');
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
});

describe('an agent that is asked to end', () => {
  it(
    'finishes what runs, takes nothing more, and exits with 0',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        const agent = plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const first = await plane.submit(oneJob([run(gate.script, 'id: main')]));
        await gate.whenReached();
        agent.kill('SIGTERM');
        const second = await plane.submit(oneJob([run('echo second', 'id: main')]));
        await gate.open();
        expect(await agent.exited).toEqual({ code: 0, signal: null });
        expect(endings(await plane.show(first))).toEqual(['job: success', 'main: success']);
        expect((await plane.show(second)).jobs[0]).toMatchObject({ state: 'queued', conclusion: null });
        plane.startAgent('one');
        expect(endings(await plane.completed(second))).toEqual(['job: success', 'main: success']);
      }),
    LIMIT_MS,
  );

  it(
    'a second time cancels its job, post steps included',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        const agent = plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const last = join(plane.directory, 'last');
        const id = await plane.submit(
          oneJob([run(gate.script, 'id: main'), run(`echo cleaned > ${last}`, 'id: always, if: always()')]),
        );
        await gate.whenReached();
        agent.kill('SIGTERM');
        await whenFile(join(plane.stateOf('one'), 'status.json'), (text) => text.includes('draining'));
        agent.kill('SIGTERM');
        expect((await agent.exited).code).toBe(3);
        expect(await readFile(last, 'utf8')).toBe('cleaned\n');
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(expect.arrayContaining(['main: cancelled', 'always: success']));
      }),
    LIMIT_MS,
  );
});

describe('an agent whose drain takes too long', () => {
  it(
    'cancels its job when the time is over, post steps included, and exits with 3',
    () =>
      withPlane(
        async (plane) => {
          await plane.startServer();
          await plane.register('one');
          const agent = plane.startAgent('one');
          const gate = new Gate(plane, 'middle');
          const last = join(plane.directory, 'last');
          const id = await plane.submit(
            oneJob([run(gate.script, 'id: main'), run(`echo cleaned > ${last}`, 'id: always, if: always()')]),
          );
          await gate.whenReached();
          agent.kill('SIGTERM');
          expect((await agent.exited).code).toBe(3);
          expect(await readFile(last, 'utf8')).toBe('cleaned\n');
          expect(endings(await plane.completed(id))).toEqual(
            expect.arrayContaining(['main: cancelled', 'always: success']),
          );
        },
        { config: { ...QUICK, agent: { drainTimeoutSeconds: 1 } } },
      ),
    LIMIT_MS,
  );
});

describe('two agents with the same identity', () => {
  it(
    'never run one job twice: the older ends with a sentence',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        await cp(plane.stateOf('one'), plane.stateOf('clone'), { recursive: true });
        const original = plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const first = await plane.submit(oneJob([run(gate.script, 'id: main')]));
        await gate.whenReached();
        const clone = plane.startAgent('clone');
        const { code } = await Promise.race([original.exited, clone.exited]);
        expect(code).toBe(4);
        await gate.open();
        const starts = join(plane.directory, 'starts');
        const second = await plane.submit(oneJob([run(`echo start >> ${starts}`, 'id: main')]));
        await plane.completed(second);
        expect(await readFile(starts, 'utf8')).toBe('start\n');
        expect((await plane.completed(first)).state).toBe('completed');
      }),
    LIMIT_MS,
  );
});
