import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import { openTracing, TRACE_MS, type Tracing } from '../../../src/server/observe/open-tracing.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { insertAttempt } from '../logs/attempt-rows.ts';

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly events: readonly { readonly name: string }[];
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

interface Sent {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[] }[];
}

/** A collector that keeps what it is sent. */
class Collector {
  readonly spans: SentSpan[] = [];
  readonly #server: Server;
  #told: () => void = () => undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        expect(request.url).toBe('/v1/traces');
        const body = JSON.parse(Buffer.concat(parts).toString()) as Sent;
        for (const { scopeSpans } of body.resourceSpans) for (const { spans } of scopeSpans) this.spans.push(...spans);
        response.setHeader('content-type', 'application/json');
        response.end('{}');
        this.#told();
      });
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async has(count: number): Promise<void> {
    while (this.spans.length < count) await new Promise<void>((resolve) => (this.#told = resolve));
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

let store: TestStore;
let clock: FakeClock;
let collector: Collector;
let tracing: Tracing;
beforeEach(async () => {
  clock = new FakeClock();
  store = await openTestStore({ database: 'sqlite', clock });
  collector = new Collector();
  tracing = await openTracing({ endpoint: await collector.open(), store, clock, log: SILENT_LOG, version: '1.2.3' });
  // The first look: what happens from now on counts.
  await clock.advance(0);
});
afterEach(async () => {
  await tracing.close();
  await collector.close();
  await store.close();
});

/** A run with a job of two steps, one of which failed, that ends. */
async function endedRun(name: string): Promise<void> {
  const { db } = store;
  await insertAttempt(store, name, 'running');
  const { run_id, job_id } = await db
    .selectFrom('attempt')
    .select(['run_id', 'job_id'])
    .where('id', '=', name)
    .executeTakeFirstOrThrow();
  const began = clock.now();
  const iso = (ms: number): string => new Date(began + ms).toISOString();
  for (const [number, conclusion, startedAt] of [
    [1, 'success', iso(100)],
    [2, 'failure', iso(300)],
    [3, 'skipped', null],
  ] as const) {
    const report = { number, name: `step ${number}`, kind: 'run', conclusion, startedAt, exitCode: 0 };
    await db
      .insertInto('step')
      .values({
        attempt_id: name,
        number,
        state: 'completed',
        report: JSON.stringify({ ...report, completedAt: iso(500) }),
      })
      .execute();
  }
  await clock.advance(1_000);
  const now = clock.now();
  await db
    .updateTable('attempt')
    .set({ state: 'finished', conclusion: 'failure', finished_at: now, accepted_at: began + 10 })
    .where('id', '=', name)
    .execute();
  await db
    .updateTable('job')
    .set({ state: 'completed', conclusion: 'failure', queued_at: began, completed_at: now, attempt_id: name })
    .where('id', '=', job_id)
    .execute();
  await db
    .updateTable('run')
    .set({ state: 'completed', conclusion: 'failure', completed_at: now })
    .where('id', '=', run_id)
    .execute();
  for (const event of [
    { type: 'step', job: name },
    { type: 'job-completed', job: name },
    { type: 'run-completed', conclusion: 'failure' },
  ])
    await db
      .insertInto('event')
      .values({ run_id, at: now, body: JSON.stringify(event) })
      .execute();
}

describe('traces', () => {
  it('have a run, its job, the attempt and its steps, at the times that were recorded', async () => {
    const began = clock.now();
    await endedRun('build');
    await clock.advance(TRACE_MS);
    await collector.has(5);
    const byName = new Map(collector.spans.map((span) => [span.name, span]));
    const { value: incarnation } = await store.db
      .selectFrom('setting')
      .select('value')
      .where('name', '=', 'incarnation')
      .executeTakeFirstOrThrow();
    const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
    expect(collector.spans).toHaveLength(5);
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(
      new Set([digest(`${incarnation} run 1 1`).slice(0, 32)]),
    );
    const attempt = byName.get('build, attempt 1')!;
    expect(attempt.spanId).toBe(digest('attempt build').slice(0, 16));
    expect(attempt.events.map(({ name }) => name)).toEqual(['accepted']);
    for (const step of ['step 1', 'step 2']) expect(byName.get(step)?.parentSpanId).toBe(attempt.spanId);
    const [run] = collector.spans.filter(({ parentSpanId }) => (parentSpanId ?? '') === '');
    const [job] = collector.spans.filter(({ parentSpanId }) => parentSpanId === run?.spanId);
    expect(attempt.parentSpanId).toBe(job?.spanId);
    expect(byName.get('step 1')).toMatchObject({
      startTimeUnixNano: `${began + 100}000000`,
      endTimeUnixNano: `${began + 500}000000`,
      status: { code: 0 },
    });
    expect(byName.get('step 2')?.status.code).toBe(2);
    expect(attempt.attributes).toContainEqual({ key: 'paceline.attempt.id', value: { stringValue: 'build' } });
  });

  it('are sent once, whichever server does it', async () => {
    await endedRun('build');
    const first = await store.execute('take-spans', {});
    const second = await store.execute('take-spans', {});
    expect([first, second]).toMatchObject([{ value: { spans: { length: 5 } } }, { value: { spans: [] } }]);
  });

  it('that nobody takes hold nothing up', async () => {
    await collector.close();
    await endedRun('build');
    await tracing.close();
  }, 40_000);
});
