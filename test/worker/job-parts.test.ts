import { describe, expect, it } from '@jest/globals';
import { AbortScope } from '../../src/kernel/cancellation.ts';
import { JobStop } from '../../src/worker/job-stop.ts';
import { LogEvents } from '../../src/worker/log-events.ts';
import { within } from '../../src/worker/within.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('lines on their way into events', () => {
  const collect = (): { clock: FakeClock; events: LogEvents; sent: string[] } => {
    const clock = new FakeClock();
    const sent: string[] = [];
    const events = new LogEvents(clock, (step, lines) => void sent.push(`${step}: ${lines.join('|')}`));
    return { clock, events, sent };
  };

  it('wait a little for others, not longer', async () => {
    const { clock, events, sent } = collect();
    events.add(1, Buffer.from('a\n'));
    await clock.advance(99);
    events.add(2, Buffer.from('b\n'));
    events.add(1, Buffer.from('c\nd\n'));
    expect(sent).toEqual([]);
    await clock.advance(1);
    expect(sent).toEqual(['1: a|c|d', '2: b']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('of one step can be sent at once; the others wait on', async () => {
    const { clock, events, sent } = collect();
    events.add(1, Buffer.from('a\n'));
    events.add(2, Buffer.from('b\n'));
    events.flush(1);
    expect(sent).toEqual(['1: a']);
    await clock.advance(100);
    expect(sent).toEqual(['1: a', '2: b']);
  });

  it('leave no timer behind when everything is sent', () => {
    const { clock, events } = collect();
    events.add(1, Buffer.from('a\n'));
    events.flush();
    expect(clock.pendingTimers).toBe(0);
  });

  it('are sent when they are much, in pieces of some size', () => {
    const { events, sent } = collect();
    events.add(1, Buffer.from(`${'x'.repeat(999)}\n`.repeat(200)));
    expect(sent).toHaveLength(3);
    events.flush();
    expect(sent).toHaveLength(4);
    expect(sent.flatMap((event) => event.slice(3).split('|'))).toHaveLength(200);
  });

  it('that are longer than an event may be are an event of their own', () => {
    const { events, sent } = collect();
    events.add(1, Buffer.from(`a\n${'x'.repeat(100_000)}\nb\n`));
    events.flush();
    expect(sent.map((event) => event.length)).toEqual([4, 100_003, 4]);
  });

  it('keep nothing of the buffer they came in', () => {
    const { events, sent } = collect();
    const lines = Buffer.from('first\n');
    events.add(1, lines);
    lines.fill('x');
    events.flush();
    expect(sent).toEqual(['1: first']);
  });
});

describe('the stop of a job', () => {
  const open = (timeoutMinutes: number | null = null) => {
    const clock = new FakeClock();
    const [cancel, kill] = [new AbortScope(), new AbortScope()];
    const options = { cancel: cancel.signal, kill: kill.signal, clock, timeoutMinutes, cancelTimeoutMs: 5_000 };
    return { clock, cancel, kill, stop: new JobStop(options) };
  };

  it('has no cause while nobody asked', () => {
    const { stop } = open();
    expect([stop.cause, stop.cancel.aborted, stop.kill.aborted]).toEqual([null, false, false]);
  });

  it('keeps its first cause', async () => {
    const { clock, cancel, stop } = open(1);
    await clock.advance(60_000);
    cancel.cancel('user');
    expect(stop.cause).toBe('job-timeout');
  });

  it('has no time limit any more once it is cancelled', async () => {
    const { clock, cancel, stop } = open(1);
    cancel.cancel('user');
    await clock.advance(4_999);
    expect(stop.kill.aborted).toBe(false);
    await clock.advance(1);
    expect(stop.kill.aborted).toBe(true);
    expect(stop.cause).toBe('user');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is cancelled before it is killed', () => {
    const { kill, stop, clock } = open(1);
    const order: string[] = [];
    stop.cancel.addEventListener('abort', () => order.push('cancel'));
    stop.kill.addEventListener('abort', () => order.push('kill'));
    kill.cancel('user');
    expect(order).toEqual(['cancel', 'kill']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('of a host that was killed before is killed', () => {
    const clock = new FakeClock();
    const kill = new AbortScope();
    kill.cancel('user');
    const options = {
      cancel: new AbortScope().signal,
      kill: kill.signal,
      clock,
      timeoutMinutes: 1,
      cancelTimeoutMs: 1,
    };
    const stop = new JobStop(options);
    expect([stop.cause, stop.kill.aborted, clock.pendingTimers]).toEqual(['user', true, 0]);
  });

  it('hears nothing more when it is disposed', async () => {
    const { clock, cancel, kill, stop } = open(1);
    stop.dispose();
    cancel.cancel('user');
    kill.cancel('user');
    await clock.advance(60_000);
    expect([stop.cause, stop.kill.aborted, clock.pendingTimers]).toEqual([null, false, 0]);
  });
});

describe('work within a time', () => {
  it('is waited for, and leaves no timer', async () => {
    const clock = new FakeClock();
    expect(await within(clock, 10, Promise.resolve('done'))).toBe('done');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is given up when the time is over', async () => {
    const clock = new FakeClock();
    const given = within(clock, 10, new Promise<never>(() => undefined));
    await clock.advance(10);
    expect(await given).toBe('late');
  });
});
