/** Server-sent events of a run: in order, without a gap, over cuts. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { STALL_MS } from '../../../src/server/http/stream-response.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

let api: TestApi;
afterEach(() => api.stop());

/** Events as an operation would give them: ids that grow, with holes of other runs between them. */
class Events {
  readonly all: { id: number; body: string }[] = [];
  completed = false;

  async add(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const id = (this.all.at(-1)?.id ?? 0) + 3;
      this.all.push({ id, body: JSON.stringify({ type: 'log', n: this.all.length, text: 'ä\\n' }) });
    }
    await this.wake();
  }

  wake(): Promise<unknown> {
    return api.store.perform(function wakeRun(context) {
      context.wake('run:7');
      return Promise.resolve(null);
    }, null);
  }
}

async function open(clock?: FakeClock): Promise<Events> {
  const events = new Events();
  api = await openTestApi({
    ...(clock ? { clock } : {}),
    runs: {
      events: (run, after, limit) => {
        if (run !== 7)
          return Promise.resolve({
            ok: false,
            error: { code: 'not_found', reason: null, message: `there is no run ${run}`, detail: null },
          });
        const page = events.all.filter(({ id }) => id > after).slice(0, limit);
        const completed = events.completed && page.length < limit;
        return Promise.resolve({ ok: true, value: { events: page, completed } });
      },
    },
  });
  return events;
}

interface Reader {
  next(): Promise<{ id?: string | undefined; data: string } | null>;
  take(count: number): Promise<number[]>;
  cancel(): Promise<void>;
}

async function read(path: string, headers: Record<string, string> = {}): Promise<Reader> {
  const answer = await api.fetch(path, { headers });
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const text = answer.body!.pipeThrough(new TextDecoderStream());
  const reader = text.pipeThrough(new EventSourceParserStream()).getReader();
  const next: Reader['next'] = async () => {
    const { done, value } = await reader.read();
    return done ? null : value;
  };
  return {
    next,
    take: async (count) => {
      const ids: number[] = [];
      while (ids.length < count) {
        const event = await next();
        if (event === null) throw new Error(`the stream ended after ${ids.length} events`);
        ids.push(Number(event.id));
      }
      return ids;
    },
    cancel: () => reader.cancel(),
  };
}

describe('events of a run', () => {
  it('come from the beginning, then as they happen', async () => {
    const events = await open();
    await events.add(2);
    const reader = await read('/v1/runs/7/events');
    expect(await reader.take(2)).toEqual([3, 6]);
    await events.add(1);
    const third = await reader.next();
    expect(third).toMatchObject({ id: '9', data: events.all[2]!.body });
    await reader.cancel();
  });

  it('are resumed by the id of the last one that was seen, without a gap or a repetition', async () => {
    const events = await open();
    const seen: number[] = [];
    await events.add(1);
    for (let round = 0; round < 20; round += 1) {
      const way = round % 2 === 0 && seen.length > 0;
      const last = String(seen.at(-1) ?? 0);
      const reader = await read(
        `/v1/runs/7/events${way ? `?after=${last}` : ''}`,
        way ? {} : { 'last-event-id': last },
      );
      await events.add(round * 3);
      seen.push(...(await reader.take(Math.min(events.all.length - seen.length, 1 + round))));
      await reader.cancel();
    }
    const reader = await read(`/v1/runs/7/events?after=${String(seen.at(-1))}`);
    seen.push(...(await reader.take(events.all.length - seen.length)));
    await reader.cancel();
    expect(seen).toEqual(events.all.map(({ id }) => id));
  });

  it('end with the run when that is what is followed, after the last of them', async () => {
    const events = await open();
    await events.add(1_234);
    const reader = await read('/v1/runs/7/events?follow=run');
    expect(await reader.take(1_234)).toHaveLength(1_234);
    events.completed = true;
    await events.add(1);
    expect(await reader.take(1)).toHaveLength(1);
    expect(await reader.next()).toBeNull();
    expect(api.viewers()).toBe(0);
  });

  it('end with what there is when nothing is followed', async () => {
    const events = await open();
    await events.add(3);
    const reader = await read('/v1/runs/7/events?follow=none');
    expect(await reader.take(3)).toEqual([3, 6, 9]);
    expect(await reader.next()).toBeNull();
  });

  it('of a run that is not there are a 404, a Last-Event-ID that is none a 400', async () => {
    await open();
    expect((await api.fetch('/v1/runs/8/events')).status).toBe(404);
    expect((await api.fetch('/v1/runs/7/events', { headers: { 'last-event-id': 'x' } })).status).toBe(400);
  });

  it('that do not come are a comment every 15 seconds', async () => {
    const clock = new FakeClock();
    await open(clock);
    const answer = await api.fetch('/v1/runs/7/events');
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('retry: 1000\n\n');
    const next = reader.read();
    while (clock.pendingTimers === 0) await settle();
    await clock.advance(15_000);
    expect((await next).value).toBe(': still here\n\n');
    await reader.cancel();
  });

  it('end when the server stops, and the reader is told when to come back', async () => {
    const events = await open();
    await events.add(1);
    const answer = await api.fetch('/v1/runs/7/events');
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('id: 3')) text += (await reader.read()).value ?? '';
    const stopping = api.stop();
    expect((await reader.read()).done).toBe(true);
    await stopping;
    expect(text).toContain('retry: 1000');
    api = await openTestApi();
  });

  it('cost a viewer that goes nothing', async () => {
    const events = await open();
    await events.add(1);
    const reader = await read('/v1/runs/7/events');
    await reader.take(1);
    expect(api.viewers()).toBe(1);
    await reader.cancel();
    while (api.viewers() > 0) await settle();
    expect(api.held.size).toBe(0);
  });

  it('are cut for a reader that takes none of them', async () => {
    const clock = new FakeClock();
    const events = await open(clock);
    for (let n = 0; n < 40; n += 1) events.all.push({ id: n + 1, body: JSON.stringify('x'.repeat(1024 * 1024)) });
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.pause();
    const token = await api.token(['runs:read']);
    socket.write(`GET /v1/runs/7/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    while (api.viewers() === 0) await settle();
    while (clock.pendingTimers === 0) await settle();
    const closed = once(socket, 'close');
    await clock.advance(STALL_MS);
    while (api.viewers() > 0) await settle();
    socket.on('error', () => undefined).resume();
    await closed;
    expect(socket.bytesRead).toBeLessThan(40 * 1024 * 1024);
  });
});
