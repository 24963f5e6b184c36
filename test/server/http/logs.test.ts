/** Logs of steps over HTTP: by line, by byte, as they grow. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { LogSlice, LogStore } from '../../../src/server/log-store.ts';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

let api: TestApi;
afterEach(() => api.stop());

/** One log in memory, behind the border of the log store. */
class GrowingLog implements Pick<LogStore, 'read' | 'search'> {
  bytes = Buffer.alloc(0);
  sealed = false;
  /** Bytes that one read gives at most: small, so that answers are made of several. */
  chunk = 7;

  grow(text: string): Promise<unknown> {
    this.bytes = Buffer.concat([this.bytes, Buffer.from(text)]);
    return this.wake();
  }

  seal(): Promise<unknown> {
    this.sealed = true;
    return this.wake();
  }

  wake(): Promise<unknown> {
    return api.store.perform(function wakeLog(context) {
      context.wake('log:attempt-2');
      return Promise.resolve(null);
    }, null);
  }

  read: LogStore['read'] = (attempt, step, from, maxBytes) => {
    if (attempt !== 'attempt-2' || step !== 3) {
      const error = { code: 'not_found' as const, reason: null, message: 'no such log', detail: null };
      return Promise.resolve({ ok: false, error });
    }
    const offset = 'byte' in from ? from.byte : this.#lineAt(from.line);
    const bytes = this.bytes.subarray(offset, offset + Math.min(maxBytes, this.chunk));
    const lines = this.bytes.toString().split('\n').length - 1;
    const firstLine = this.bytes.subarray(0, offset).toString().split('\n').length;
    const slice: LogSlice = { bytes, offset, firstLine, length: this.bytes.length, lines, sealed: this.sealed };
    return Promise.resolve({ ok: true, value: slice });
  };

  // eslint-disable-next-line @typescript-eslint/require-await
  async *search(
    attempt: string,
    { text, limit }: Parameters<LogStore['search']>[1],
  ): AsyncGenerator<{ step: number; line: number; text: string }> {
    let line = 0;
    let left = attempt === 'attempt-2' ? limit : 0;
    for (const one of this.bytes.toString().split('\n')) {
      line += 1;
      if (one.includes(text) && left-- > 0) yield { step: 3, line, text: one };
    }
  }

  #lineAt(line: number): number {
    let at = 0;
    for (let n = 1; n < line; n += 1) {
      const newline = this.bytes.indexOf(10, at);
      if (newline < 0) return this.bytes.length;
      at = newline + 1;
    }
    return at;
  }
}

async function open(): Promise<GrowingLog> {
  const log = new GrowingLog();
  api = await openTestApi({ logs: log });
  const filled = await api.store.perform(function fill({ db, now }) {
    return fillTables(db, now);
  }, null);
  expect(filled).toEqual({ ok: true, value: null });
  return log;
}

async function fillTables(db: TestApi['store']['db'], now: number): Promise<null> {
  const run = {
    repo_id: null,
    name: 'x',
    path: 'x.yml',
    event: 'push',
    ref: null,
    sha: null,
    actor: 'bot',
    state: 'running' as const,
    waiting: null,
    conclusion: null,
    version: 1,
    input_sha: 'a',
    submission_sha: 'a',
    attempt: 1,
    cancelling: null,
    priority: 0,
    dedupe_key: null,
    created_at: now,
    started_at: now,
    completed_at: null,
  };
  await db.insertInto('spec').values({ sha256: 'a', body: '{}' }).execute();
  await db.insertInto('run').values(run).execute();
  const job = {
    run_id: 1,
    run_attempt: 1,
    key: 'build.1',
    job_id: 'build',
    instance: 1,
    name: 'build (1)',
    matrix: null,
    needs: '[]',
    state: 'running' as const,
    conclusion: null,
    reason: null,
    message: null,
    outputs: '{}',
    command: '{}',
    labels: '[]',
    label_set_id: null,
    priority: 0,
    policy: 'at-most-once' as const,
    attempt_no: 2,
    attempt_id: 'attempt-2',
    queued_at: now,
    started_at: now,
    completed_at: null,
  };
  await db.insertInto('job').values(job).execute();
  await db
    .insertInto('job')
    .values({ ...job, key: 'later', job_id: 'later', attempt_id: null })
    .execute();
  for (const no of [1, 2]) {
    const id = `attempt-${no}`;
    const none = { conclusion: null, reason: null, lost: null, runner_id: null, session_id: null, late_report: null };
    const never = { offered_at: null, accepted_at: null, started_at: null, disconnected_at: null, finished_at: null };
    const counts = { returns: 0, ack_seq: 0, quarantined: 0, cancel_force: 0, journal_hash: '0', cancel_cause: null };
    const attempt = { id, job_id: 1, run_id: 1, no, fence: no, state: 'queued', policy: job.policy, queued_at: now };
    await db
      .insertInto('attempt')
      .values({ ...attempt, ...none, ...never, ...counts })
      .execute();
    await db
      .updateTable('attempt')
      .set({ state: 'finished', conclusion: 'failure', finished_at: now })
      .where('id', '=', id)
      .execute();
  }
  await db
    .insertInto('step')
    .values({ attempt_id: 'attempt-2', number: 3, state: 'running', report: JSON.stringify({ name: 'Run tests' }) })
    .execute();
  await announce(db, 1_000);
  return null;
}

async function announce(db: TestApi['store']['db'], announced: number): Promise<void> {
  const stream = { attempt_id: 'attempt-2', step: 3, length: 0, lines: 0, announced };
  await db
    .insertInto('log_stream')
    .values({ ...stream, sealed_length: null, sealed_hash: null, cut: null, removed_at: null })
    .execute();
}

const PATH = '/v1/runs/1/jobs/build.1/steps/3/log';
const TEXT = 'one\ntwo äöü\nthree\nfour without an end';

describe('the log of a step', () => {
  it('is given as it is, with what is known of it', async () => {
    const log = await open();
    await log.grow(TEXT);
    const answer = await api.fetch(PATH);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await answer.text()).toBe(TEXT);
    expect(answer.headers.get('x-log-length')).toBe(String(Buffer.byteLength(TEXT)));
    expect(answer.headers.get('x-log-sealed')).toBe('false');
  });

  it('is given by lines', async () => {
    const log = await open();
    await log.grow(TEXT);
    const lines = async (query: string): Promise<string> => (await api.fetch(`${PATH}?${query}`)).text();
    expect(await lines('from_line=2&count=2')).toBe('two äöü\nthree\n');
    expect(await lines('from_line=3')).toBe('three\nfour without an end');
    expect(await lines('count=1')).toBe('one\n');
    expect(await lines('from_line=4&count=9')).toBe('four without an end');
    expect(await lines('from_line=50')).toBe('');
    expect((await api.fetch(`${PATH}?from_line=3`)).headers.get('x-first-line')).toBe('3');
  });

  it('is given by ranges of bytes, of a length that is not known while it grows', async () => {
    const log = await open();
    await log.grow(TEXT);
    const range = async (spec: string): Promise<{ status: number; text: string; range: string | null }> => {
      const answer = await api.fetch(PATH, { headers: { range: `bytes=${spec}` } });
      return { status: answer.status, text: await answer.text(), range: answer.headers.get('content-range') };
    };
    const length = Buffer.byteLength(TEXT);
    expect(await range('0-2')).toEqual({ status: 206, text: 'one', range: 'bytes 0-2/*' });
    expect(await range('4-')).toEqual({ status: 206, text: TEXT.slice(4), range: `bytes 4-${length - 1}/*` });
    expect(await range('-3')).toEqual({ status: 206, text: 'end', range: `bytes ${length - 3}-${length - 1}/*` });
    await log.seal();
    expect((await range('0-999')).range).toBe(`bytes 0-${length - 1}/${length}`);
    expect((await range(`${length}-`)).status).toBe(416);
    for (const wrong of ['2-1', 'x', '-', '0-1,3-4']) expect((await range(wrong)).status).toBe(400);
  });

  it('is streamed while it grows, until it has its end', async () => {
    const log = await open();
    await log.grow('first\n');
    const answer = await api.fetch(`${PATH}?follow=true`);
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (wanted: string): Promise<void> => {
      while (text.length < wanted.length) text += (await reader.read()).value ?? '';
      expect(text).toBe(wanted);
    };
    await until('first\n');
    expect(api.watched).toEqual(new Set(['attempt-2']));
    let wanted = text;
    for (let n = 0; n < 50; n += 1) {
      await log.grow(`line ${n}\n`);
      wanted += `line ${n}\n`;
      if (n % 7 === 0) await until(wanted);
    }
    await log.seal();
    await until(wanted);
    expect((await reader.read()).done).toBe(true);
    expect(api.watched.size).toBe(0);
  });

  it('that can grow no more, though it has no end, ends', async () => {
    const log = await open();
    await log.grow('all there is\n');
    await api.store.db.updateTable('log_stream').set({ announced: 0 }).execute();
    expect(await (await api.fetch(`${PATH}?follow=true`)).text()).toBe('all there is\n');
    await api.store.db.updateTable('log_stream').set({ announced: 99 }).execute();
    await api.store.db.updateTable('attempt').set({ lost: 'runner-died' }).execute();
    expect(await (await api.fetch(`${PATH}?follow=true`)).text()).toBe('all there is\n');
  });

  it('is of the last try, or of an earlier one', async () => {
    const log = await open();
    await log.grow('second try');
    expect(await (await api.fetch(`${PATH}?try=2`)).text()).toBe('second try');
    expect(await (await api.fetch(`${PATH}?try=1`)).text()).toBe('');
    expect((await api.fetch(`${PATH}?try=3`)).status).toBe(404);
  });

  it('of a job that is not there, or has not started, is a 404 that says so', async () => {
    await open();
    const text = async (path: string): Promise<string> => {
      const answer = await api.fetch(path);
      expect(answer.status).toBe(404);
      return await answer.text();
    };
    expect(await text('/v1/runs/2/jobs/build.1/steps/3/log')).toContain('there is no run 2');
    expect(await text('/v1/runs/1/jobs/none/steps/3/log')).toContain('run 1 has no job none');
    expect(await text('/v1/runs/1/jobs/later/steps/3/log')).toContain('has not started');
  });
});

describe('the logs of a run', () => {
  it('are one text, each line with its job and step', async () => {
    const log = await open();
    await log.grow('one\ntwo');
    expect(await (await api.fetch('/v1/runs/1/log')).text()).toBe(
      'build.1\t3 Run tests\tone\nbuild.1\t3 Run tests\ttwo\n',
    );
    expect(await (await api.fetch('/v1/runs/1/log?job=later')).text()).toBe('');
  });

  it('are searched, and the end says whether that was all', async () => {
    const log = await open();
    await log.grow('a needle\nhay\nneedle b\n');
    const search = async (query: string): Promise<unknown[]> => {
      const text = await (await api.fetch(`/v1/runs/1/logs/search?${query}`)).text();
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    };
    expect(await search('q=needle')).toEqual([
      { job: 'build.1', step: 3, line: 1, text: 'a needle' },
      { job: 'build.1', step: 3, line: 3, text: 'needle b' },
      { end: 'complete' },
    ]);
    expect(await search('q=needle&limit=1')).toEqual([
      { job: 'build.1', step: 3, line: 1, text: 'a needle' },
      { end: 'limit' },
    ]);
    expect((await api.fetch('/v1/runs/1/logs/search?q=(&pattern=true')).status).toBe(400);
    expect((await api.fetch('/v1/runs/1/logs/search')).status).toBe(400);
  });
});
