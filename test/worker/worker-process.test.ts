import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { openSteps } from '../../src/journal/open-steps.ts';
import { inspectJournal } from '../../src/journal/read-journal.ts';
import { reapLeftovers } from '../../src/process/reap.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { StepPlan } from '../../src/protocol/plan.ts';
import type { JobReport } from '../../src/protocol/report.ts';
import { JOURNAL_FILE } from '../../src/protocol/worker-link.ts';
import { Repository } from '../actions/actions-harness.ts';
import { bg, fg, wait } from '../support/fake-job.ts';
import { livingWith } from '../support/living-processes.ts';
import { CLI } from '../support/run-workflow.ts';
import { removeJobFolders, runPlan, uses } from './job-harness.ts';
import { Attempt, removeWorkers, storyOf } from './worker-process.ts';

afterEach(removeWorkers);
afterAll(removeJobFolders);
const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const always = { if: 'always()' };
const LOOK_MS = 10;
/** Says that it is there, then stays until it is ended. */
const STAYS = 'echo "here I am"\nexec sleep 1000';

describe('a job in a worker of its own', () => {
  const steps: readonly StepPlan[] = [
    bg('server', 'echo "server says $GREETING"\necho "port=80" >> "$GITHUB_OUTPUT"', { env: { GREETING: 'hi' } }),
    fg('front', 'seq 1 1000\necho "::warning file=a.txt,line=3::look here"\necho "## done" >> "$GITHUB_STEP_SUMMARY"'),
    wait('both', ['server']),
    fg('fails', 'exit 3', { continueOnError: true }),
    fg('last', 'echo "the port is ${{ steps.server.outputs.port }}"'),
  ];
  const job = { job: { outputs: { port: '${{ steps.server.outputs.port }}' } } };

  it('reports in its journal what a job reports that runs in this process', async () => {
    const attempt = await Attempt.prepare(steps, { job });
    expect(await attempt.start().exited).toEqual({ code: 0, signal: null });
    const records = await attempt.records();
    const { report } = await runPlan(steps, job);
    expect(timeless(reportOf(records))).toEqual(timeless(report));
    expect(records.at(-1)).toMatchObject({ kind: 'job-finished', conclusion: 'success', lost: null });
    expect(records.filter(({ kind }) => kind === 'annotation')).toMatchObject([{ step: 3 }, { step: 5 }]);
    expect(openSteps(records)).toEqual([]);
    expect(await inspectJournal(attempt.path(JOURNAL_FILE))).toMatchObject({ finished: true, tail: { kind: 'clean' } });
    expect(await attempt.errors()).toBe('');
  });

  it('keeps the log of each step as it was printed, sealed behind the end of the step', async () => {
    const attempt = await Attempt.prepare(steps, { job });
    await attempt.start().exited;
    const records = await attempt.records();
    const seals = records.filter((record) => record.kind === 'log-sealed');
    expect(new Set(seals.map(({ step }) => step))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
    for (const { step, length, hash, cut } of seals) {
      const log = await attempt.log(step);
      expect([Buffer.byteLength(log), cut]).toEqual([length, null]);
      expect(createHash('sha256').update(log).digest('hex')).toBe(hash);
      const sealed = records.findIndex((record) => record.kind === 'log-sealed' && record.step === step);
      const ended = records.findIndex(
        (record) => record.kind === 'step' && record.step.number === step && record.state === 'completed',
      );
      expect(sealed).toBeGreaterThan(ended);
    }
    const numbers = Array.from({ length: 1_000 }, (_, i) => `${String(i + 1)}\n`).join('');
    expect(await attempt.log(3)).toContain(`##[endgroup]\n${numbers}`);
    expect(await attempt.log(2)).toContain('server says hi\n');
    expect(await attempt.log(6)).toContain('the port is 80\n');
  });

  it('is rehearsed by a worker that was started ahead of it, of which nothing is left', async () => {
    const attempt = await Attempt.prepare([fg('one', 'echo one > /dev/stderr')]);
    const ahead = join(attempt.root, 'ahead');
    await mkdir(join(ahead, 'rehearsal'), { recursive: true });
    const worker = attempt.start(null, CLI, ['--ahead', ahead]);
    // It is removed at the end of the rehearsal.
    while (existsSync(join(ahead, 'rehearsal'))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    expect((await readdir(ahead)).length).toBe(1);
    worker.order(JSON.stringify(attempt.order));
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await attempt.log(2)).toContain('one\n');
    expect(await readdir(attempt.root)).not.toContain('ahead');
    expect(await attempt.errors()).toBe('');
  });

  it('is not waited for by a worker that was started ahead in vain', async () => {
    const attempt = await Attempt.prepare([fg('one', 'echo one')]);
    const worker = attempt.start('', CLI, ['--ahead', join(attempt.root, 'ahead')]);
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await readdir(attempt.root)).not.toContain('ahead');
  });

  it('leaves nothing but journal and logs, none of them for others to read', async () => {
    const attempt = await Attempt.prepare([fg('one', 'echo one')]);
    await attempt.start().exited;
    expect((await readdir(attempt.order.attemptDirectory)).sort()).toEqual(['journal', 'logs', 'worker.stderr']);
    expect(await readdir(join(attempt.root, 'temp'))).toEqual([]);
    expect(await readdir(join(attempt.root, 'sockets'))).toEqual([]);
    for (const name of ['journal', 'logs/1.log', 'logs/2.log'])
      expect((await stat(attempt.path(name))).mode & 0o077).toBe(0);
    expect(await livingWith(attempt.marker)).toEqual([]);
  });
});

describe('a worker', () => {
  it('needs nothing but the core of the build for a plain job', async () => {
    const attempt = await Attempt.prepare([bg('b', 'echo b'), fg('a', 'echo "::notice::a"')]);
    const build = join(attempt.root, 'build');
    for (const name of await readdir(dirname(CLI)))
      if (/^(?:core-|paceline\.js$|package\.json$)/.test(name)) await cp(join(dirname(CLI), name), join(build, name));
    const worker = attempt.start(JSON.stringify(attempt.order), join(build, basename(CLI)));
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect((await attempt.records()).at(-1)).toMatchObject({ conclusion: 'success' });
  });
});

describe('an agent over the socket', () => {
  it('is told how far journal and logs are, when it comes and while it stays', async () => {
    const attempt = await Attempt.prepare([fg('a', 'echo from a'), fg('stays', STAYS), fg('end', 'echo end', always)]);
    const worker = attempt.start();
    const first = await worker.connect();
    await first.printed('here I am');
    first.drop();
    const second = await worker.connect();
    await second.printed('here I am');
    const logs = second.levels.filter((level) => level.kind === 'log');
    expect(new Set(logs.map(({ step }) => step))).toEqual(new Set([1, 2, 3]));
    const told = second.seq;
    expect(told).toBeGreaterThan(1);
    expect((await attempt.records()).length).toBeGreaterThanOrEqual(told);
    second.send({ kind: 'cancel', cause: 'user' });
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    await second.closed;
    expect(second.seq).toBe((await attempt.records()).length);
  });

  it.each([
    { cause: 'user', conclusion: 'cancelled', reason: 'cancelled-by-user' },
    { cause: 'fail-fast', conclusion: 'cancelled', reason: 'fail-fast' },
    { cause: 'concurrency', conclusion: 'cancelled', reason: 'concurrency' },
    { cause: 'timeout', conclusion: 'cancelled', reason: 'timed-out' },
    { cause: 'shutdown', conclusion: 'failure', reason: 'agent-drained' },
  ] as const)('cancels because of $cause: always() steps run', async ({ cause, ...end }) => {
    const attempt = await Attempt.prepare([fg('stays', STAYS), fg('end', 'echo end', always)]);
    const worker = attempt.start();
    const link = await worker.connect();
    await link.printed('here I am');
    link.send({ kind: 'cancel', cause });
    expect((await worker.exited).code).toBe(0);
    const records = await attempt.records();
    expect(records.at(-1)).toMatchObject({ kind: 'job-finished', ...end });
    expect(storyOf(records)).toEqual(expect.arrayContaining(['stays cancelling', 'end running', 'end completed']));
  });

  it('kills: nothing more runs, and the job still has its last word', async () => {
    const deaf = 'trap "" INT TERM\necho "here I am"\nwhile :; do sleep 1000; done';
    const attempt = await Attempt.prepare([bg('b', STAYS), fg('deaf', deaf), fg('end', 'echo end', always)]);
    const worker = attempt.start();
    const link = await worker.connect();
    await link.printed('here I am');
    link.send({ kind: 'cancel', cause: 'user' });
    link.send({ kind: 'kill' });
    expect((await worker.exited).code).toBe(0);
    const records = await attempt.records();
    expect(records.at(-1)).toMatchObject({ conclusion: 'cancelled', reason: 'cancelled-by-user' });
    expect(storyOf(records)).not.toContain('end running');
    expect(openSteps(records)).toEqual([]);
    expect(await livingWith(attempt.marker)).toEqual([]);
  });

  it('that talks nonsense is shut out, and the job goes on', async () => {
    const attempt = await Attempt.prepare([fg('stays', STAYS)]);
    const worker = attempt.start();
    for (const text of ['nonsense\n', '{"kind":"cancel","cause":"mood"}\n', 'null\n', 'x'.repeat(10_000)]) {
      const link = await worker.connect();
      link.write(text);
      await link.closed;
    }
    const link = await worker.connect();
    await link.printed('here I am');
    link.send({ kind: 'cancel', cause: 'user' });
    expect((await worker.exited).code).toBe(0);
  });
});

describe('a worker that is hit', () => {
  it('by kill -9 leaves a journal that is true as far as it goes, and processes that can be found', async () => {
    const attempt = await Attempt.prepare([
      bg('one', 'echo "one is here"\nexec sleep 1000'),
      fg('done', 'echo "result=42" >> "$GITHUB_OUTPUT"'),
      bg('two', `(setsid sh -c 'echo "daemon is here"; exec sleep 1000' &)\necho "two is here"\nexec sleep 1000`),
      fg('front', 'echo "front is here"\nexec sleep 1000'),
    ]);
    const worker = attempt.start();
    const link = await worker.connect();
    for (const who of ['one', 'daemon', 'two', 'front']) await link.printed(`${who} is here\n`);
    const told = link.seq;
    worker.child.kill('SIGKILL');
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const records = await attempt.records();
    expect(records.length).toBeGreaterThanOrEqual(told);
    expect(records.at(-1)?.kind).not.toBe('job-finished');
    expect(openSteps(records).map(({ step, state }) => `${String(step.id)} ${state}`)).toEqual(
      expect.arrayContaining(['one running', 'two running', 'front running']),
    );
    expect(records).toContainEqual(
      expect.objectContaining({
        state: 'completed',
        step: expect.objectContaining({ id: 'done', outputs: { result: '42' } }) as unknown,
      }),
    );
    expect((await livingWith(attempt.marker)).length).toBeGreaterThanOrEqual(4);
    const ended = await reapLeftovers(attempt.order.jobId);
    expect(ended.length).toBeGreaterThanOrEqual(4);
    expect(await livingWith(attempt.marker)).toEqual([]);
  });

  it('by SIGTERM cancels its job as one whose runner has to go, and ends it at once by a second', async () => {
    const attempt = await Attempt.prepare([fg('stays', STAYS), fg('post', `echo "post is here"\nsleep 1000`, always)]);
    const worker = attempt.start();
    const link = await worker.connect();
    await link.printed('here I am');
    worker.child.kill('SIGHUP');
    worker.child.kill('SIGTERM');
    await link.printed('post is here');
    worker.child.kill('SIGTERM');
    expect((await worker.exited).code).toBe(0);
    expect((await attempt.records()).at(-1)).toMatchObject({ conclusion: 'failure', reason: 'runner-lost' });
  });
});

describe('an order', () => {
  it('that never comes ends the worker without a word', async () => {
    const attempt = await Attempt.prepare([fg('one', 'echo one')]);
    expect(await attempt.start('').exited).toEqual({ code: 0, signal: null });
    expect(await attempt.errors()).toBe('');
    expect(await attempt.records()).toHaveLength(1);
  });

  it('that was cut off is refused without quoting it', async () => {
    const attempt = await Attempt.prepare([fg('one', 'echo one')], {
      job: { contexts: { secrets: { KEY: 'hunter2-hunter2' } } },
    });
    expect((await attempt.start(JSON.stringify(attempt.order).slice(0, -1)).exited).code).toBe(70);
    const errors = await attempt.errors();
    expect(errors).toContain('file descriptor 3');
    expect(errors).not.toContain('hunter2');
    expect((await attempt.start('{}').exited).code).toBe(70);
    expect(await attempt.records()).toHaveLength(1);
  });

  it('is not carried out a second time', async () => {
    const attempt = await Attempt.prepare([fg('one', 'echo once >> "$GITHUB_WORKSPACE/times"')]);
    await attempt.start().exited;
    const before = await attempt.records();
    expect((await attempt.start().exited).code).toBe(70);
    expect(await attempt.errors()).toContain('was started before');
    expect(await attempt.records()).toEqual(before);
    expect(await readFile(join(attempt.order.workspace, 'times'), 'utf8')).toBe('once\n');
  });

  it('empties the workspace before the job where the runner says so', async () => {
    const files = { 'old/file': 'of an earlier job', '.hidden': '' };
    const ls = [fg('ls', 'ls -A > "$RUNNER_TEMP/../../seen"')];
    const cleaned = await Attempt.prepare(ls, { files, order: { clean: 'job' } });
    await cleaned.start().exited;
    expect(await readFile(join(cleaned.root, 'seen'), 'utf8')).toBe('');
    const kept = await Attempt.prepare(ls, { files });
    await kept.start().exited;
    expect(await readFile(join(kept.root, 'seen'), 'utf8')).toBe('.hidden\nold\n');
  });
});

describe('what an agent gives along', () => {
  it('the repository of the run is what actions/checkout brings, in place of what was there', async () => {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'paceline-origin-')));
    folders.push(root);
    const origin = new Repository(root);
    const sha = await origin.commit({ file: 'of the commit' });
    await origin.commit({ file: 'later' });
    const checkout = { repository: 'o/r', url: `file://${root}`, ref: 'refs/heads/main', sha, token: null };
    const attempt = await Attempt.prepare([uses('get', 'actions/checkout@v6'), fg('see', 'cat file\npwd')], {
      order: { checkout },
      files: { 'of-an-earlier-job': '' },
    });
    await attempt.start().exited;
    const records = await attempt.records();
    expect(records.at(-1)).toMatchObject({ conclusion: 'success' });
    expect(await attempt.log(3)).toContain(`of the commit${attempt.order.workspace}\n`);
    expect((await readdir(attempt.order.workspace)).sort()).toEqual(['.git', 'file']);
  });

  it('the allowed actions are all that a step may use', async () => {
    const attempt = await Attempt.prepare([uses('evil', 'evil/action@v1'), uses('own', './own', { if: 'always()' })], {
      order: { allowActions: ['octo/*'] },
      files: { 'own/action.yml': 'runs: { using: composite, steps: [{ run: echo own, shell: sh }] }' },
    });
    await attempt.start().exited;
    const steps = (await attempt.records()).flatMap((record) =>
      record.kind === 'step' && record.state === 'completed'
        ? [`${String(record.step.id)} ${String(record.step.reason)}`]
        : [],
    );
    expect(steps).toEqual(expect.arrayContaining(['evil agent-refused', 'own null']));
    expect(await attempt.log(2)).toContain("##[error]This runner does not allow the action 'evil/action@v1'");
  });

  it('a configured file that is not there fails the set-up with a sentence', async () => {
    const attempt = await Attempt.prepare([fg('one', 'echo one')], { config: { envFile: '/nowhere/.env' } });
    expect((await attempt.start().exited).code).toBe(0);
    expect((await attempt.records()).at(-1)).toMatchObject({ conclusion: 'failure', reason: 'start-failed' });
    expect(await attempt.log(1)).toContain('##[error]The configured envFile cannot be read: ENOENT');
  });
});

/** The report that a server makes of the records. */
function reportOf(records: readonly AttemptRecord[]): JobReport {
  const steps = new Map(
    records.flatMap((record) => (record.kind === 'step' ? [[record.step.number, record.step]] : [])),
  );
  const end = records.at(-1);
  if (end?.kind !== 'job-finished') throw new Error('the last record is no job-finished');
  const { conclusion, reason, outputs, startedAt, completedAt } = end;
  return {
    ...{ id: 'build', name: 'Build', instance: 0, matrix: null, iteration: 1, attempt: 1 },
    ...{ conclusion, reason, outputs, startedAt, completedAt },
    steps: [...steps.values()].sort((a, b) => a.number - b.number),
  };
}

function timeless(report: JobReport): unknown {
  return JSON.parse(JSON.stringify(report), (key, value: unknown) =>
    key.endsWith('At') && typeof value === 'string' ? 'a time' : value,
  );
}
