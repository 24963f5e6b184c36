/** What people are told of a job that waits, and of runners. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { waitReason } from '../../../src/server/dispatch/wait-reason.ts';
import { QueueWorld } from './queue-world.ts';

describe('a job that waits', () => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open('sqlite');
  });
  afterEach(() => world.close());

  async function reasonOf(attempt: string): Promise<string> {
    const { label_set_id } = await world.jobOf(attempt);
    return await world.perform((context) => waitReason(context, label_set_id ?? 0));
  }

  it('says which labels no runner has', async () => {
    await world.session({ labels: ['linux'] });
    expect(await reasonOf(await world.job({ labels: ['Linux', 'gpu'] }))).toBe('no runner has the labels gpu, linux');
  });

  it('says that all that could are busy', async () => {
    for (let count = 0; count < 3; count++) await world.running({ labels: ['linux'] });
    expect(await reasonOf(await world.job({ labels: ['linux'] }))).toBe('all 3 runners with the labels linux are busy');
  });

  it('says that its one runner is busy', async () => {
    await world.running({ labels: ['linux'] });
    expect(await reasonOf(await world.job({ labels: ['linux'] }))).toBe('the one runner with the labels linux is busy');
  });

  it('says what keeps each of its runners', async () => {
    await world.running({ labels: ['linux'] });
    const { runner } = await world.session({ labels: ['linux'] });
    await world.do('pause-runner', { actor: 'a', runner, paused: true });
    await world.runner({ labels: ['linux'] });
    expect(await reasonOf(await world.job({ labels: ['linux'] }))).toBe(
      'the 3 runners with the labels linux: 1 busy, 1 paused, 1 offline',
    );
  });

  it('says what keeps a runner that takes no work now, and forgets it', async () => {
    const { id } = await world.session({ labels: ['linux'] });
    const attempt = await world.job({ labels: ['linux'] });
    const note = '100 MB are free on the disk';
    await world.do('tell-sessions', { sessions: [{ session: id, takesWork: false, note }] });
    expect(await reasonOf(attempt)).toBe(`the one runner with the labels linux: unhealthy (${note})`);
    await world.runner({ labels: ['linux'] });
    expect(await reasonOf(attempt)).toBe(`the 2 runners with the labels linux: 1 unhealthy (${note}), 1 offline`);
    await world.do('tell-sessions', { sessions: [{ session: id, takesWork: true }] });
    expect(await reasonOf(attempt)).toBe('a runner is about to take it');
  });

  it('says that a runner drains, and not that it is unhealthy', async () => {
    const { id } = await world.session({ labels: ['linux'] });
    await world.do('tell-sessions', { sessions: [{ session: id, takesWork: false }] });
    await world.do('drain-session', { session: id });
    expect(await reasonOf(await world.job({ labels: ['linux'] }))).toBe(
      'the one runner with the labels linux: draining',
    );
  });

  it('says that its runner is offline once it is not heard of', async () => {
    await world.session({ labels: ['linux'] });
    const attempt = await world.job({ labels: ['linux'] });
    expect(await reasonOf(attempt)).toBe('a runner is about to take it');
    await world.clock.advance(90_000);
    expect(await reasonOf(attempt)).toBe('the one runner with the labels linux: offline');
  });
});
