/** Runners for one job, and what a pool of them needs. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { RegisterRequest } from '../../../src/protocol/agent-api.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { QueueWorld } from './queue-world.ts';

describeDatabases('a configuration for one job', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
    await world.do('set-group', { actor: 'ada', name: 'big', tier: 'trusted', repositories: ['*'] });
  });
  afterEach(() => world.close());

  const HASH = 'f'.repeat(64);

  async function create(name: string | null = 'one'): Promise<string> {
    const input = { actor: 'ada', hash: HASH, name, labels: ['gpu'], group: 'big', expiresMs: 600_000 };
    return (await world.do('create-jit', input)).name;
  }

  function request(change: Partial<RegisterRequest> = {}): { tokenHash: string; request: RegisterRequest } {
    const keys = { publicKey: world.publicKey, sealKey: world.sealKey };
    const asked = { name: 'one', labels: ['gpu'], ephemeral: false, replace: false, ...keys, ...change };
    return { tokenHash: HASH, request: asked };
  }

  it('makes a runner of its group that has one job, whatever its agent says', async () => {
    await create();
    const { runner } = await world.do('register-runner', request());
    const [view] = (await world.do('list-runners', {})).runners;
    expect(view).toMatchObject({ name: 'one', group: 'big', ephemeral: true });
    await world.do('open-session', await world.openRequest(runner, { ephemeral: false, slots: 4 }));
    expect((await world.do('list-runners', {})).runners).toMatchObject([{ ephemeral: true }]);
  });

  it('gives its labels and those of a machine, and no others, whatever its agent says', async () => {
    await create();
    for (const labels of [['gpu', 'deploy'], ['ubuntu-latest']])
      expect((await world.refusal('register-runner', request({ labels }))).message).toBe(
        `the configuration of the runner one does not give the label '${labels.at(-1)}'`,
      );
    const machine = ['self-hosted', 'Linux', 'X64'];
    const { runner } = await world.do('register-runner', request({ labels: [...machine, 'GPU'] }));
    expect((await world.refusal('register-runner', request({ labels: ['deploy'] }))).reason).toBe('scope-missing');
    for (const labels of [
      ['deploy', 'gpu'],
      [...machine, 'gpu', 'Deploy'],
    ]) {
      await world.do('open-session', await world.openRequest(runner, { labels, takeover: true }));
      const [view] = (await world.do('list-runners', {})).runners;
      expect(view?.labels).toEqual(labels.filter((label) => label.toLowerCase() !== 'deploy'));
    }
    const session = await world.store.db.selectFrom('session').select('labels').where('state', '=', 'live').execute();
    expect(session).toEqual([{ labels: JSON.stringify([...machine, 'gpu']) }]);
  });

  it('is good once; the same keys may ask again, after an answer was lost', async () => {
    await create();
    const first = await world.do('register-runner', request());
    expect(await world.do('register-runner', request())).toEqual(first);
    expect((await world.refusal('register-runner', request({ publicKey: 'other' }))).reason).toBe('name-taken');
    await world.do('remove-runner', { actor: 'ada', runner: 'one', force: false });
    expect((await world.refusal('register-runner', request({ publicKey: 'other' }))).message).toBe(
      'this configuration was used, and is good for one runner',
    );
  });

  it('is for its own runner also when that one asks again', async () => {
    await create();
    await world.do('register-runner', request());
    const other = 'e'.repeat(64);
    const terms = { name: 'two', labels: [], group: 'big', expiresMs: 600_000 };
    await world.do('create-jit', { actor: 'ada', hash: other, ...terms });
    expect(
      (await world.refusal('register-runner', { ...request({ labels: ['tpu'] }), tokenHash: other })).message,
    ).toBe('this configuration is for the runner two, not one');
  });

  it('is good for its time, and for its name', async () => {
    await create();
    expect((await world.refusal('register-runner', request({ name: 'other' }))).message).toBe(
      'this configuration is for the runner one, not other',
    );
    await world.clock.advance(600_000);
    expect((await world.refusal('register-runner', request())).message).toBe('this configuration has expired');
  });

  it('is not made for a name that is taken, or a group that nobody has made', async () => {
    expect(await create(null)).toMatch(/^jit-\w+$/);
    await world.runner({ name: 'taken' });
    const input = { actor: 'ada', hash: HASH, name: 'taken', labels: [], group: 'big', expiresMs: 1 };
    expect((await world.refusal('create-jit', input)).reason).toBe('name-taken');
    expect((await world.refusal('create-jit', { ...input, name: 'x', group: 'none' })).code).toBe('not_found');
  });

  it('counts for its pool until it has come or its time is over', async () => {
    const demand = () => world.do('pool-demand', { pool: 'big', labels: ['gpu'] });
    for (const labels of [['gpu'], ['gpu'], ['tpu']]) await world.job({ labels });
    expect(await demand()).toMatchObject({ queued: 2, starting: 0, wanted: 2, queues: [{ labels: ['gpu'], jobs: 2 }] });
    await create();
    expect(await demand()).toMatchObject({ starting: 1, wanted: 1 });
    const { runner } = await world.do('register-runner', request());
    expect(await demand()).toMatchObject({ starting: 1, wanted: 1 });
    await world.do('open-session', await world.openRequest(runner, { labels: ['gpu'], ephemeral: true, slots: 4 }));
    expect(await demand()).toMatchObject({ starting: 0, freeSlots: 1, wanted: 1, runners: { idle: 1 } });
    expect(await world.do('pool-demand', { pool: 'big', labels: [] })).toMatchObject({ queued: 3, wanted: 2 });
    expect(await world.do('pool-demand', { pool: 'default', labels: ['gpu'] })).toMatchObject({ queued: 2, wanted: 2 });
    expect((await world.refusal('pool-demand', { pool: 'none', labels: [] })).code).toBe('not_found');
  });

  it('counts where its labels are among those that are asked for', async () => {
    await create();
    const starting = async (...labels: string[]): Promise<number> =>
      (await world.do('pool-demand', { pool: 'big', labels })).starting;
    expect(await starting()).toBe(1);
    expect(await starting('linux', 'GPU')).toBe(1);
    expect(await starting('linux')).toBe(0);
  });
});
