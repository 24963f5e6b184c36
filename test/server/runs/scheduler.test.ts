import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Scheduler } from '../../../src/server/runs/scheduler.ts';
import { nextTime } from '../../../src/server/runs/next-time.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { GitRepository } from './git-repository.ts';
import { must } from './run-harness.ts';
import { NEVER, openService, type ServiceHand } from './service-harness.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const JOBS = 'jobs: { a: { runs-on: linux, steps: [ { run: echo } ] } }';
const nightly = (...crons: readonly string[]): string =>
  `on: { schedule: [${crons.map((cron) => `{ cron: '${cron}' }`).join(', ')}] }\n${JOBS}\n`;

let clock: FakeClock;
let hand: ServiceHand;
let repository: GitRepository;
const schedulers: Scheduler[] = [];
beforeEach(async () => {
  clock = new FakeClock();
  hand = await openService({ clock });
  repository = await GitRepository.create();
  await hand.register('octo/app', repository);
});
afterEach(async () => {
  for (const scheduler of schedulers.splice(0)) await scheduler.stop();
  await hand.close();
  await repository.remove();
});

const refresh = async () => must(await hand.service.refreshSchedules('octo/app', 'ada', NEVER));
const rows = () => hand.store.db.selectFrom('schedule').selectAll().orderBy('id').execute();
const runs = async () => must(await hand.service.list({ limit: 100 })).runs;
const warnings: string[] = [];
const log = {
  error: () => undefined,
  warn: (message: string) => warnings.push(message),
  info: () => undefined,
  debug: () => undefined,
} as never;

/** A server's scheduler, and its first look. */
async function open(): Promise<Scheduler> {
  const scheduler = new Scheduler({
    store: hand.store,
    clock,
    log,
    start: (due, signal) => hand.service.runSchedule(due, signal),
  });
  schedulers.push(scheduler);
  await scheduler.idle();
  return scheduler;
}

/** Goes on in time until the servers have seen where it is. */
async function pass(ms: number, ...servers: readonly Scheduler[]): Promise<void> {
  await clock.advance(ms);
  for (const server of servers) await server.idle();
  // What was under way meanwhile looks again at once.
  await clock.advance(0);
  for (const server of servers) await server.idle();
}

describe('schedules', () => {
  it('are those of the default branch, and a submission for it reads them anew', async () => {
    await repository.commit({ '.github/workflows/night.yml': nightly('0 3 * * *', '30 4 * * 1') });
    expect(await refresh()).toEqual({ schedules: 2 });
    const before = await rows();
    expect(before.map(({ cron }) => cron)).toEqual(['0 3 * * *', '30 4 * * 1']);
    await repository.commit({
      '.github/workflows/night.yml': nightly('0 3 * * *', '0 5 * * *'),
      '.github/workflows/ci.yml': `on: push\n${JOBS}`,
    });
    must(await hand.submit({ repository: 'octo/app' }));
    const after = await rows();
    expect(after.map(({ cron }) => cron)).toEqual(['0 3 * * *', '0 5 * * *']);
    // What did not change keeps its time.
    expect(after[0]).toEqual(before[0]);
  });

  it('run their workflow at their time, once, with the event that says which', async () => {
    await repository.commit({ '.github/workflows/night.yml': nightly('0 * * * *') });
    await refresh();
    const scheduler = await open();
    expect(await runs()).toEqual([]);
    await pass(HOUR, scheduler);
    expect(await runs()).toMatchObject([
      { event: 'schedule', path: '.github/workflows/night.yml', ref: 'refs/heads/main' },
    ]);
    const { submission_sha } = await hand.store.db.selectFrom('run').select('submission_sha').executeTakeFirstOrThrow();
    const { body } = await hand.store.db
      .selectFrom('spec')
      .select('body')
      .where('sha256', '=', submission_sha)
      .executeTakeFirstOrThrow();
    expect(JSON.parse(body)).toMatchObject({ github: { event_name: 'schedule', event: { schedule: '0 * * * *' } } });
    await pass(HOUR, scheduler);
    expect(await runs()).toHaveLength(2);
  });

  it('are run once over many servers', async () => {
    await repository.commit({ '.github/workflows/night.yml': nightly('0 * * * *') });
    await refresh();
    const servers = [await open(), await open(), await open()];
    await pass(HOUR, ...servers);
    expect(await runs()).toHaveLength(1);
    const [row] = await rows();
    expect(row!.next_at).toBeGreaterThan(clock.now());
  });

  it('that were missed while no server ran are run once', async () => {
    await repository.commit({ '.github/workflows/night.yml': nightly('*/10 * * * *') });
    await refresh();
    await clock.advance(24 * HOUR);
    await open();
    expect(await runs()).toHaveLength(1);
  });

  it('are not run a second time by a server that was killed before it could say so', async () => {
    await repository.commit({ '.github/workflows/night.yml': nightly('0 * * * *') });
    await refresh();
    await clock.advance(HOUR);
    const { due } = must(await hand.store.execute('list-due-schedules', null));
    must(await hand.service.runSchedule(due[0]!, NEVER));
    await open();
    expect(await runs()).toHaveLength(1);
  });

  it('that the default branch does not have any more are not run', async () => {
    await repository.commit({ '.github/workflows/night.yml': nightly('0 * * * *') });
    await refresh();
    await repository.commit({ '.github/workflows/night.yml': `on: push\n${JOBS}` });
    await clock.advance(HOUR);
    await open();
    expect([await runs(), await rows()]).toEqual([[], []]);
  });

  it('of a repository that cannot be read are tried again, for an hour', async () => {
    await repository.commit({ '.github/workflows/night.yml': nightly('0 0 1 1 *') });
    await refresh();
    const [row] = await rows();
    await clock.advance(row!.next_at - clock.now());
    repository.git('symbolic-ref', 'HEAD', 'refs/heads/gone');
    const scheduler = await open();
    expect(await runs()).toEqual([]);
    repository.git('symbolic-ref', 'HEAD', 'refs/heads/main');
    await pass(MINUTE, scheduler);
    expect(await runs()).toHaveLength(1);
  });

  it('come in their time zone, also over the change of the clocks', () => {
    const at = (text: string): number => Date.parse(text);
    const berlin = (after: string) => new Date(nextTime('30 7 * * *', 'Europe/Berlin', at(after))!).toISOString();
    expect(berlin('2026-03-28T12:00:00Z')).toBe('2026-03-29T05:30:00.000Z');
    expect(berlin('2026-03-27T12:00:00Z')).toBe('2026-03-28T06:30:00.000Z');
    expect(nextTime('0 0 30 2 *', null, at('2026-01-01T00:00:00Z'))).toBeNull();
    expect(new Date(nextTime('0 0 1 * MON', null, at('2026-01-02T00:00:00Z'))!).toISOString()).toBe(
      '2026-01-05T00:00:00.000Z',
    );
  });
});
