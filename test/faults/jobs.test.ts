/** Jobs that are hard on what runs them: by an agent, with real processes. */
import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { RunView } from '../../src/protocol/run-api.ts';
import { endings, Gate, oneJob, run, startOne, statesOf, whenLogsAreSealed, withPlane } from './fault-plane.ts';

const LIMIT_MS = 120_000;

function numberOf(view: RunView, id: string): number {
  const found = view.jobs[0]?.steps.find(({ step }) => step.id === id);
  if (!found) throw new Error(`no step ${id}`);
  return found.step.number;
}

describe('a job', () => {
  it(
    'that burns all cores does not keep its agent from renewing the lease',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        const burners = 10 * cpus().length;
        const script = `for i in $(seq ${burners}); do (end=$((SECONDS+10)); while [ $SECONDS -lt $end ]; do :; done) & done; wait`;
        const id = await plane.submit(oneJob([run(script, 'id: main')]));
        expect(await statesOf(plane, id)).not.toContain('disconnected');
        expect(endings(await plane.show(id))).toEqual(['job: success', 'main: success']);
      }),
    LIMIT_MS,
  );

  it(
    'with a log of 60 MB, binary and without a newline at its end is stored byte by byte',
    () =>
      withPlane(async (plane) => {
        const agent = await startOne(plane);
        const id = await plane.submit(
          oneJob([
            run('yes "$(printf %99s | tr " " y)" | head -c 60000000; printf end', 'id: big'),
            run('head -c 200000 /dev/zero | tr "\\0" "z"; printf "\\377\\376\\0binary"', 'id: binary'),
          ]),
        );
        const view = await plane.completed(id, LIMIT_MS);
        expect(endings(view)).toEqual(['job: success', 'big: success', 'binary: success']);
        await whenLogsAreSealed(plane, id);
        const big = await plane.log(id, 'job', numberOf(view, 'big'));
        const printed = big.slice(big.indexOf('yyyy'));
        expect(printed.replaceAll(/y{99}\n/g, '')).toBe(`${'y'.repeat(60_000_000 % 100)}end\n`);
        expect(await plane.log(id, 'job', numberOf(view, 'binary'))).toContain('binary');
        const status = await readFile(`/proc/${agent.pid}/status`, 'latin1');
        expect(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1])).toBeLessThan(200 * 1_024);
      }),
    LIMIT_MS,
  );

  it(
    'leaves no secret on the disk of the agent or of the server, in the database or in a process list',
    () =>
      withPlane(async (plane) => {
        const secret = 'f3a9-SECRET-0b71c2d4';
        await startOne(plane);
        await plane.request('PUT', '/v1/secrets/TOKEN', { value: secret });
        const gate = new Gate(plane, 'middle');
        const id = await plane.submit(
          oneJob([
            `{ id: main, env: { T: "\${{ secrets.TOKEN }}" }, run: ${JSON.stringify(
              `printf '%s' "$T" | head -c 8; sleep 0.2; printf '%s\\n' "$T" | tail -c +9; printf '%s' "$T" | base64; ${gate.script}`,
            )} }`,
          ]),
        );
        await gate.whenReached();
        for (const { pid } of await plane.living()) {
          const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
          expect(line).not.toContain(secret);
        }
        await gate.open();
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'main: success']);
        const log = await plane.log(id, 'job', numberOf(view, 'main'));
        expect(log).toContain('***');
        const forms = [secret, Buffer.from(secret).toString('base64')];
        for (const folder of [plane.dataDirectory, plane.stateOf('one'), join(plane.directory, 'tmp')])
          for (const file of await readdir(folder, { recursive: true, withFileTypes: true }))
            if (file.isFile()) {
              const path = join(file.parentPath, file.name);
              const contents = await readFile(path, 'latin1');
              for (const form of forms)
                expect({ path, found: contents.includes(form) }).toEqual({ path, found: false });
            }
      }),
    LIMIT_MS,
  );

  it(
    'with a thousand steps, two hundred of them in the background, is reported whole',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        const steps = Array.from({ length: 1_000 }, (_, n) =>
          run(':', `id: s${n}${n % 5 === 0 ? ', background: true' : ''}`),
        );
        const view = await plane.completed(await plane.submit(oneJob(steps)), LIMIT_MS);
        expect(view.conclusion).toBe('success');
        expect(
          view.jobs[0]?.steps.filter(({ step }) => step.conclusion === 'success' && /^s\d+$/.test(step.id ?? '')),
        ).toHaveLength(1_000);
      }),
    LIMIT_MS,
  );

  it(
    'whose step leaves a child behind that prints later has none of it in any log, and no child afterwards',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        const [ask, told] = [join(plane.directory, 'ask'), join(plane.directory, 'told')];
        const until = (path: string): string => `until [ -e ${path} ]; do sleep 0.05; done`;
        const id = await plane.submit(
          oneJob([
            run(`(${until(ask)}; echo late; touch ${told}; exec sleep 602) & echo first`, 'id: first'),
            run(`touch ${ask}; ${until(told)}; echo second`, 'id: second'),
          ]),
        );
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(['job: success', 'first: success', 'second: success']);
        await whenLogsAreSealed(plane, id);
        const lines = async (step: string): Promise<string[]> =>
          (await plane.log(id, 'job', numberOf(view, step))).split('\n');
        expect(await lines('first')).toContain('first');
        expect(await lines('second')).toContain('second');
        for (const step of ['first', 'second']) expect(await lines(step)).not.toContain('late');
        expect((await plane.living()).filter(({ name }) => name.startsWith('sleep 602'))).toEqual([]);
      }),
    LIMIT_MS,
  );

  it(
    'that is cancelled ends within the grace, its whole tree with it',
    () =>
      withPlane(async (plane) => {
        await startOne(plane);
        const gate = new Gate(plane, 'middle');
        const id = await plane.submit(
          oneJob([
            run('setsid sleep 601 & sleep 601', 'id: side, background: true'),
            run(`(setsid sleep 601 &); ${gate.script}`, 'id: main'),
            run('echo cleaned', 'id: last, if: always()'),
          ]),
        );
        await gate.whenReached();
        await Promise.all([
          plane.request('POST', `/v1/runs/${id}/cancel`, {}),
          plane.request('POST', `/v1/runs/${id}/cancel`, {}),
        ]);
        const view = await plane.completed(id);
        expect(endings(view)).toEqual(
          [
            'job: cancelled (cancelled-by-user)',
            'side: cancelled',
            'main: cancelled',
            'last: success',
            expect.anything(),
          ]
            .slice(0, 4)
            .concat(endings(view).slice(4)),
        );
        expect(view.conclusion).toBe('cancelled');
        expect((await plane.living()).filter(({ name }) => name.startsWith('sleep 601'))).toEqual([]);
      }),
    LIMIT_MS,
  );
});
