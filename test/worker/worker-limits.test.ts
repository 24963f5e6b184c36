import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { open as openFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import { bg, fg } from '../support/fake-job.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';
import { CLI } from '../support/run-workflow.ts';
import { CAN_MOUNT, type SmallDisk, smallDisk } from '../support/small-disk.ts';
import { Attempt, removeWorkers, Worker } from './worker-process.ts';

let disk: SmallDisk | null = null;
afterEach(async () => {
  await removeWorkers();
  disk?.remove();
  disk = null;
});

describe('logs beyond the quota of the attempt', () => {
  it('are cut with one line that says so, in every log, and results are kept', async () => {
    const attempt = await Attempt.prepare(
      [
        fg('loud', 'head -c 300000 /dev/zero | tr "\\0" "x" | fold -w 99; echo "out=1" >> "$GITHUB_OUTPUT"'),
        fg('quiet', 'echo "out=${{ steps.loud.outputs.out }}" >> "$GITHUB_OUTPUT"'),
      ],
      { order: { spoolBytes: 100_000 } },
    );
    expect((await attempt.start().exited).code).toBe(0);
    const records = await attempt.records();
    expect(records.at(-1)).toMatchObject({ kind: 'job-finished', conclusion: 'success' });
    const loud = await attempt.log(2);
    expect(
      loud.endsWith('x\n##[warning]log cut: the logs of this job have reached the limit of 0.1 MB (agent.spoolMb)\n'),
    ).toBe(true);
    expect(loud.match(/log cut/g)).toHaveLength(1);
    expect(loud.length).toBeLessThan(100_200);
    expect(await attempt.log(3)).toMatch(/^##\[warning\]log cut: .*\n$/);
    expect(sealsOf(records)).toEqual(['1 null', '2 limit', '3 limit', '4 limit']);
    expect(stepOf(records, 'loud').annotations).toMatchObject([{ level: 'warning' }]);
    expect(stepOf(records, 'quiet').outputs).toEqual({ out: '1' });
  });
});

(CAN_MOUNT ? describe : describe.skip)('on a disk that runs full', () => {
  it('logs are cut and every result is kept', async () => {
    disk = smallDisk(4_096);
    const { attemptDirectory, ...order } = await onDisk(disk);
    const attempt = await Attempt.prepare(
      [
        fg('fills', `cat /dev/zero > ${disk.path}/filler || true\nseq 1 20000`),
        ...Array.from({ length: 20 }, (_, i) => fg(`s${i}`, `seq 1 20000; echo "n=${i}" >> "$GITHUB_OUTPUT"`)),
      ],
      { order: { ...order, attemptDirectory } },
    );
    expect((await attempt.start().exited).code).toBe(0);
    const records = await attempt.records();
    expect(records.at(-1)).toMatchObject({ kind: 'job-finished', conclusion: 'success' });
    for (let i = 0; i < 20; i++) expect(stepOf(records, `s${i}`).outputs).toEqual({ n: String(i) });
    const seals = sealsOf(records);
    expect(seals[0]).toBe('1 null');
    expect(seals.slice(1).every((seal) => seal.endsWith('disk-full'))).toBe(true);
    expect(await attempt.log(2)).toMatch(/log cut: the disk of this runner is full\n$/);
  });

  it('before the first record of the worker still has the job end', async () => {
    disk = smallDisk(4_096);
    const { attemptDirectory, ...order } = await onDisk(disk);
    const attempt = await Attempt.prepare([fg('one', 'exit 3')], { order: { ...order, attemptDirectory } });
    const filler = await openFile(join(disk.path, 'filler'), 'w');
    await expect(
      (async () => {
        for (;;) await filler.write(Buffer.alloc(4_096));
      })(),
    ).rejects.toThrow('ENOSPC');
    await filler.close();
    expect((await attempt.start().exited).code).toBe(0);
    expect((await attempt.records()).at(-1)).toMatchObject({ kind: 'job-finished', conclusion: 'failure' });
  });
});

describe('a secret', () => {
  it('is in no file of the attempt, no argument and no environment', async () => {
    const secrets = { KEY: 'hunter2-hunter2', LINES: 'first line of it\nsecond line of it' };
    const token = 'clone-token-0123456789';
    const attempt = await Attempt.prepare(
      [
        bg('prints', 'echo "key: $KEY"\necho "$LINES"\necho "::error::about $KEY"', {
          env: { KEY: '${{ secrets.KEY }}', LINES: '${{ secrets.LINES }}' },
        }),
        fg('tells', `echo "out=$KEY" >> "$GITHUB_OUTPUT"; echo "# $KEY" >> "$GITHUB_STEP_SUMMARY"; echo ${token}`, {
          env: { KEY: '${{ secrets.KEY }}' },
          name: 'called ${{ secrets.KEY }}',
        }),
        fg('stays', 'echo "here I am"\nexec sleep 1000'),
      ],
      {
        job: { contexts: { secrets } },
        order: {
          checkout: { repository: 'o/r', url: 'https://example.invalid/o/r', ref: 'refs/heads/main', sha: '', token },
        },
      },
    );
    const worker = attempt.start();
    const link = await worker.connect();
    await link.printed('here I am');
    const pid = String(worker.child.pid);
    const shown = [
      await readFile(`/proc/${pid}/cmdline`, 'latin1'),
      await readFile(`/proc/${pid}/environ`, 'latin1'),
      ...(await readdir(`/proc/${pid}/fd`)).filter((fd) => fd === '3'),
    ];
    link.send({ kind: 'cancel', cause: 'user' });
    await worker.exited;
    for (const name of await readdir(attempt.order.attemptDirectory, { recursive: true, withFileTypes: true }))
      if (name.isFile()) shown.push(await readFile(join(name.parentPath, name.name), 'latin1'));
    expect(shown.length).toBeGreaterThan(7);
    for (const text of shown)
      for (const secret of ['hunter2', 'first line of it', 'second line of it', token])
        expect(text).not.toContain(secret);
    expect(shown.join('')).toContain('***');
  });
});

describe('the agent of a worker', () => {
  it('may be killed with its whole group: the job goes on to its end', async () => {
    const attempt = await Attempt.prepare([
      fg('waits', 'echo "here I am"\nuntil [ -e "$GITHUB_WORKSPACE/go" ]; do sleep 0.02; done\necho went'),
    ]);
    const errors = openSync(attempt.path('worker.stderr'), 'a');
    // A process between us and the worker, as the agent is.
    const agent = spawn(
      process.execPath,
      [
        '-e',
        `const child = require('node:child_process').spawn(process.execPath, ['${CLI}', 'worker'],
           { detached: true, stdio: ['ignore', 'ignore', 3, 'pipe'] });
         process.stdin.pipe(child.stdio[3]);
         child.stdio[3].on('finish', () => console.log(child.pid));
         setInterval(() => {}, 1000);`,
      ],
      {
        detached: true,
        cwd: attempt.root,
        stdio: ['pipe', 'pipe', 'ignore', errors],
        env: { PATH: process.env.PATH, HOME: attempt.root, [MARKER]: attempt.marker },
      },
    );
    closeSync(errors);
    agent.stdin?.end(JSON.stringify(attempt.order));
    const [pid] = (await once(agent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const link = await new Worker(attempt, agent).connect();
    await link.printed('here I am');
    const ended = once(agent, 'exit');
    process.kill(-(agent.pid as number), 'SIGKILL');
    await ended;
    expect((await livingWith(attempt.marker)).some((one) => one.pid === Number(pid))).toBe(true);
    await mkdir(join(attempt.order.workspace, 'go'));
    await link.closed;
    expect((await attempt.records()).at(-1)).toMatchObject({ kind: 'job-finished', conclusion: 'success' });
    expect(await attempt.log(2)).toContain('went\n');
  });
});

async function onDisk({ path }: SmallDisk): Promise<{ readonly attemptDirectory: string }> {
  return Promise.resolve({ attemptDirectory: join(path, 'attempt') });
}

function sealsOf(records: readonly AttemptRecord[]): string[] {
  return records
    .filter((record) => record.kind === 'log-sealed')
    .map(({ step, cut }) => `${step} ${String(cut)}`)
    .sort((a, b) => parseInt(a) - parseInt(b));
}

function stepOf(records: readonly AttemptRecord[], id: string): Extract<AttemptRecord, { kind: 'step' }>['step'] {
  const found = records.findLast((record) => record.kind === 'step' && record.step.id === id);
  if (found?.kind !== 'step') throw new Error(`no step ${id}`);
  return found.step;
}
