/** What becomes of jobs when agents die, are held up or are asked to end. Real processes, `kill -9`. */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { FailpointName } from '../../src/kernel/failpoint.ts';
import {
  endings,
  Gate,
  oneJob,
  QUICK,
  run,
  startOne,
  whenAttempt,
  whenFile,
  whenLogsAreSealed,
  withPlane,
} from './fault-plane.ts';
import { tailLog } from './tail-log.ts';

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
    'leaves a live tail of the log that is byte by byte what is stored (runner#664)',
    () =>
      withPlane(async (plane) => {
        const agent = await startOne(plane);
        const gate = new Gate(plane, 'middle');
        const count = (from: number, to: number): string => `for n in $(seq ${from} ${to}); do echo "line $n"; done`;
        const id = await plane.submit(
          oneJob([run(`${count(1, 3_000)}; ${gate.script}; ${count(3_001, 6_000)}; printf end`, 'id: main')]),
        );
        await gate.whenReached();
        const tail = tailLog(plane, id, 'job', 2);
        await tail.until((text) => text.includes('line 3000\n'));
        agent.kill('SIGKILL');
        await agent.exited;
        await gate.open();
        plane.startAgent('one');
        const view = await plane.completed(id);
        expect(view.jobs[0]?.steps.find(({ step }) => step.id === 'main')?.step.number).toBe(2);
        await whenLogsAreSealed(plane, id);
        const stored = await plane.log(id, 'job', 2);
        expect(await tail.ended).toBe(stored);
        const printed = stored.split('\n').filter((line) => /^line \d+$/.test(line));
        expect(printed).toEqual(Array.from({ length: 6_000 }, (_, n) => `line ${n + 1}`));
      }),
    LIMIT_MS,
  );

  it(
    'twice, with two jobs in its slots, loses neither',
    () =>
      withPlane(async (plane) => {
        let agent = await startOne(plane, ['--slots', '2']);
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

describe('an agent that is asked to end', () => {
  it(
    'finishes what runs, takes nothing more, and exits with 0',
    () =>
      withPlane(async (plane) => {
        const agent = await startOne(plane);
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
        const agent = await startOne(plane);
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

describe('an agent that is held up', () => {
  it(
    'for longer than its lease keeps its job, which nobody else is given (hatchet#322)',
    () =>
      withPlane(async (plane) => {
        await plane.startServer();
        await plane.register('one');
        await plane.register('two');
        const agent = plane.startAgent('one');
        const gate = new Gate(plane, 'middle');
        const starts = join(plane.directory, 'starts');
        const id = await plane.submit(oneJob([run(`echo start >> ${starts}; ${gate.script}`, 'id: main')]));
        await gate.whenReached();
        plane.startAgent('two');
        agent.kill('SIGSTOP');
        await whenAttempt(plane, id, 'disconnected');
        // The other one is there, and takes what there is to take.
        const other = await plane.submit(oneJob([run('echo fine', 'id: main')]));
        expect((await plane.completed(other)).jobs[0]).toMatchObject({ conclusion: 'success', runner: 'two' });
        agent.kill('SIGCONT');
        await whenAttempt(plane, id, 'running');
        await gate.open();
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success']);
        expect(view.jobs[0]).toMatchObject({ attempt: 1, runner: 'one' });
        expect(await readFile(starts, 'utf8')).toBe('start\n');
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
          const agent = await startOne(plane);
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
