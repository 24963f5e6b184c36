/** The conversation with agents, as the service holds it. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import { unseal } from '../../../src/kernel/sealed-box.ts';
import { Sweeper } from '../../../src/server/dispatch/sweeper.ts';
import { settle } from '../../support/fake-clock.ts';
import { TEST_SETTINGS } from '../../support/server-settings.ts';
import { RunHand } from '../runs/run-harness.ts';
import { must, POLL_MS, ServiceWorld, type TestAgent } from './service-world.ts';

const NO_NEWS = { cancels: [], fenced: [], paused: false, leave: false };

describe('the service for agents', () => {
  let world: ServiceWorld;
  let agent: TestAgent;
  beforeEach(async () => {
    world = await ServiceWorld.open();
    agent = await world.agent();
  });
  afterEach(async () => {
    await world.close();
    expect(world.clock.pendingTimers).toBe(0);
    expect(world.store.troubles).toEqual([]);
  });

  describe('opens a session', () => {
    it('with what both sides need, once', async () => {
      const request = await agent.sessionRequest();
      const reply = must(await world.service.openSession(request));
      expect(reply).toMatchObject({ protocol: 1, leaseMs: 60_000, renewMs: 15_000, tokenMs: 3_600_000, attempts: [] });
      expect(reply.token).toMatch(/^pcl_s_/);
      expect(await world.service.openSession(request)).toMatchObject({ ok: false, error: { code: 'unauthorized' } });
    });

    it('with features that older agents have not heard of, for those alone that have', async () => {
      expect((await agent.connect()).features).not.toContain('poll-notes');
      expect((await agent.connect({ features: ['exclusive', 'poll-notes'] })).features).toContain('poll-notes');
    });

    it('for the owner of the key alone', async () => {
      const other = await world.agent();
      const stolen = { ...(await other.sessionRequest()), runner: agent.runner };
      expect(await world.service.openSession(stolen)).toMatchObject({
        ok: false,
        error: { code: 'unauthorized', reason: 'token-unknown' },
      });
    });

    it('for a runner that is known', async () => {
      const request = { ...(await agent.sessionRequest()), runner: 'nobody' };
      expect(await world.service.openSession(request)).toMatchObject({ ok: false, error: { code: 'unauthorized' } });
    });
  });

  it('refuses keys that are none', async () => {
    const request = { name: 'x', labels: [], publicKey: 'AAAA', sealKey: 'AAAA', ephemeral: false, replace: false };
    expect(await world.service.register('pcl_u_x', request)).toMatchObject({ error: { reason: 'token-unknown' } });
  });

  it.each([
    ['unknown', (key: TestAgent['key']) => ({ ...key, token: 'nothing' })],
    ['of another session', (key: TestAgent['key']) => ({ ...key, session: 'other' })],
  ])('refuses a token that is %s, whatever is asked', async (_, change) => {
    const key = change(agent.key);
    const poll = { freeSlots: 1, takesWork: true, holding: [] };
    for (const result of [
      await world.service.poll(key, poll, new AbortController().signal),
      await world.service.sync(key, { attempts: [] }),
      await world.service.accept(key, 'a', 1),
      await world.service.decline(key, 'a', { fence: 1, reason: '', final: false }),
      await world.service.drain(key),
      await world.service.closeSession(key),
    ])
      expect(result).toMatchObject({ ok: false, error: { code: 'unauthorized', reason: 'token-unknown' } });
  });

  describe('holds a poll', () => {
    it('and answers it as soon as there is work', async () => {
      const poll = agent.told();
      await settle();
      const run = await world.submit();
      const { offers, ...rest } = await poll;
      expect(offers).toMatchObject([{ run: run.id, job: 'job0', repository: 'octo/app', expiresMs: 30_000 }]);
      expect(rest).toEqual(NO_NEWS);
    });

    it('and answers at once where there is work already', async () => {
      await world.submit();
      expect((await agent.told()).offers).toHaveLength(1);
    });

    it('for its time, and answers with nothing', async () => {
      const poll = agent.poll();
      await world.clock.advance(POLL_MS - 1);
      await world.clock.advance(1);
      expect(await poll).toEqual({ ok: true, value: null });
    });

    it('one of a session: a newer one answers the older', async () => {
      const older = agent.poll();
      await settle();
      const newer = agent.told();
      expect(await older).toEqual({ ok: true, value: null });
      await world.submit();
      expect((await newer).offers).toHaveLength(1);
    });

    it('until its caller goes', async () => {
      const gone = new AbortController();
      const poll = agent.poll({}, gone.signal);
      await settle();
      gone.abort(new Error('gone'));
      await expect(poll).rejects.toThrow('gone');
      await world.submit();
      expect((await agent.told()).offers).toHaveLength(1);
    });

    it('of an agent without a free slot, or that takes no work, for other news only', async () => {
      const full = agent.poll({ freeSlots: 0 });
      const other = await world.agent();
      const unwilling = other.poll({ takesWork: false });
      await settle();
      await world.submit(2);
      await world.clock.advance(POLL_MS);
      expect([await full, await unwilling]).toEqual([
        { ok: true, value: null },
        { ok: true, value: null },
      ]);
    });

    it('and says again what was offered where the answer was lost', async () => {
      await world.submit();
      const { offers } = await agent.told();
      const again = await agent.told();
      expect(again.offers.map(({ attempt }) => attempt)).toEqual(offers.map(({ attempt }) => attempt));
      const { attempt, fence } = offers[0] ?? { attempt: '', fence: 0 };
      const known = agent.poll({ freeSlots: 0, holding: [{ attempt, fence, cancelling: false }] });
      await world.clock.advance(POLL_MS);
      expect(await known).toEqual({ ok: true, value: null });
    });

    it('and withdraws what was offered to an agent that takes no work any more', async () => {
      await world.submit();
      const { offers } = await agent.told();
      const poll = agent.poll({ takesWork: false });
      const other = await world.agent();
      expect((await other.told()).offers.map(({ attempt }) => attempt)).toEqual(offers.map(({ attempt }) => attempt));
      world.service.close();
      await poll;
    });

    it('and writes down once that an agent takes no work, and why', async () => {
      const shown = async () =>
        must(await world.store.execute('list-runners', {})).runners.map(({ state, note }) => ({ state, note }));
      const polls = [agent.poll({ takesWork: false, note: 'no room' })];
      await settle();
      expect(await shown()).toEqual([{ state: 'unhealthy', note: 'no room' }]);
      polls.push(agent.poll({ takesWork: false, note: 'no room' }));
      await settle();
      expect(world.asked.filter((name) => name === 'tell-sessions')).toHaveLength(1);
      polls.push(agent.poll());
      await settle();
      expect(await shown()).toEqual([{ state: 'idle', note: null }]);
      world.service.close();
      await Promise.all(polls);
    });

    it('and tells of a cancellation as long as the agent does not say that it knows', async () => {
      const { attempt, fence } = await begun(world, agent);
      const holding = [{ attempt, fence, cancelling: false }];
      const poll = agent.told({ freeSlots: 0, holding });
      await settle();
      await cancelAll(world, false);
      const { cancels } = await poll;
      expect(cancels).toEqual([{ attempt, fence, cause: 'user', force: false }]);
      const again = agent.told({ freeSlots: 0, holding });
      await world.clock.advance(2_000);
      expect((await again).cancels).toEqual(cancels);
      const known = agent.poll({ freeSlots: 0, holding: [{ attempt, fence, cancelling: true }] });
      await world.clock.advance(POLL_MS);
      expect(await known).toEqual({ ok: true, value: null });
    });

    it('and tells once that an end under way is forced', async () => {
      const { attempt, fence } = await begun(world, agent);
      await cancelAll(world, false);
      const holding = [{ attempt, fence, cancelling: true }];
      const poll = agent.told({ freeSlots: 0, holding });
      await settle();
      await cancelAll(world, true);
      expect((await poll).cancels).toEqual([{ attempt, fence, cause: 'user', force: true }]);
      const known = agent.poll({ freeSlots: 0, holding });
      await world.clock.advance(POLL_MS);
      expect(await known).toEqual({ ok: true, value: null });
    });

    it('and does not say the same again and again while the agent is busy with it', async () => {
      const holding = [{ attempt: 'gone', fence: 1, cancelling: false }];
      expect((await agent.told({ holding })).fenced).toEqual(['gone']);
      let isTold = false;
      const again = agent.told({ holding }).then((reply) => {
        isTold = true;
        return reply;
      });
      await world.clock.advance(1_999);
      expect(isTold).toBe(false);
      await world.clock.advance(1);
      expect((await again).fenced).toEqual(['gone']);
    });

    it('and tells that the runner is paused, and that it is not any more', async () => {
      const pause = (paused: boolean) =>
        world.store.execute('pause-runner', { actor: 'a', runner: agent.runner, paused });
      const poll = agent.told();
      await settle();
      await pause(true);
      expect(await poll).toMatchObject({ paused: true });
      await world.submit();
      const next = agent.told();
      await settle();
      await pause(false);
      expect(await next).toMatchObject({ paused: false, offers: [] });
      expect((await agent.told()).offers).toHaveLength(1);
    });

    it('and tells an agent that its runner was removed', async () => {
      const poll = agent.poll();
      await settle();
      await world.store.execute('remove-runner', { actor: 'a', runner: agent.runner, force: false });
      expect(await poll).toMatchObject({ ok: false, error: { reason: 'token-unknown' } });
    });

    it('until a newer session of the runner is opened', async () => {
      const poll = agent.poll();
      await settle();
      await agent.connect();
      expect(await poll).toMatchObject({ ok: false, error: { code: 'conflict', reason: 'superseded' } });
    });

    it('of an agent whose slot has become free by what it reports', async () => {
      const { journal, ...running } = await begun(world, agent);
      await world.submit();
      const poll = agent.told();
      await settle();
      journal.finish();
      await agent.sync(running, journal);
      expect((await poll).offers).toHaveLength(1);
    });

    it('and answers all of them when it closes', async () => {
      const polls = [agent.poll(), (await world.agent()).poll()];
      await settle();
      world.service.close();
      expect(await Promise.all(polls)).toEqual([
        { ok: true, value: null },
        { ok: true, value: null },
      ]);
    });
  });

  it('gives five hundred jobs to fifty agents that wait in few operations, each once', async () => {
    const agents = await Promise.all(Array.from({ length: 50 }, () => world.agent({ slots: 20 })));
    const given = new Map<string, number>();
    const take = async (one: TestAgent): Promise<void> => {
      const holding: { attempt: string; fence: number; cancelling: boolean }[] = [];
      while (given.size < 500) {
        const reply = must(await one.poll({ freeSlots: 20 - holding.length, holding }));
        for (const { attempt, fence } of reply?.offers ?? []) {
          given.set(attempt, (given.get(attempt) ?? 0) + 1);
          holding.push({ attempt, fence, cancelling: false });
        }
        if (given.size === 500) world.service.close();
      }
    };
    const all = Promise.all(agents.map(take));
    await settle();
    world.asked.length = 0;
    await world.submit(500);
    await all;
    expect([...given.values()].every((times) => times === 1)).toBe(true);
    expect(world.asked.filter((name) => name === 'offer-work').length).toBeLessThan(50);
  });

  it('does not offer what was declined to the same agent for seconds, but to others', async () => {
    await world.submit();
    const offer = (await agent.told()).offers[0];
    if (!offer) throw new Error('there was no offer');
    const { attempt, fence } = offer;
    must(await world.service.decline(agent.key, attempt, { fence, reason: 'no disk', final: false }));
    const waiting = agent.poll();
    await world.clock.advance(2_000);
    const other = await world.agent();
    expect((await other.told()).offers).toMatchObject([{ attempt }]);
    world.service.close();
    expect(await waiting).toEqual({ ok: true, value: null });
  });

  it('offers what was declined to the same agent again when nobody else came', async () => {
    await world.submit();
    const offer = (await agent.told()).offers[0];
    if (!offer) throw new Error('there was no offer');
    const { attempt, fence } = offer;
    must(await world.service.decline(agent.key, attempt, { fence, reason: 'no disk', final: false }));
    const last = agent.told();
    await world.clock.advance(10_000);
    expect((await last).offers).toMatchObject([{ attempt }]);
  });

  describe('accepts', () => {
    it('with a message, and secrets only its runner can read', async () => {
      await secret(world, '', 'TOKEN', 'hunter2');
      await world.submit();
      const offer = (await agent.told()).offers[0];
      if (!offer) throw new Error('there was no offer');
      const reply = must(await world.service.accept(agent.key, offer.attempt, offer.fence));
      expect(reply).toMatchObject({ leaseMs: 60_000, policy: 'at-most-once', message: { key: 'job0', attempt: 1 } });
      expect(JSON.stringify(reply)).not.toContain('hunter2');
      expect(JSON.parse(unseal(reply.sealed, agent.privateKey, offer.attempt))).toMatchObject({
        secrets: { TOKEN: 'hunter2' },
        masks: ['hunter2'],
      });
      const again = must(await world.service.accept(agent.key, offer.attempt, offer.fence));
      expect(again.message).toEqual(reply.message);
    });

    it('nothing for an agent whose offer is over, which goes on with its session (runner#4617)', async () => {
      const lone = await world.agent({ ephemeral: true });
      await world.submit();
      const offer = (await lone.told()).offers[0];
      if (!offer) throw new Error('there was no offer');
      await world.clock.advance(30_000);
      must(await world.store.execute('sweep', {}));
      expect(await world.service.accept(lone.key, offer.attempt, offer.fence)).toMatchObject({
        ok: false,
        error: { code: 'conflict', reason: 'withdrawn' },
      });
      expect((await lone.told()).offers).toMatchObject([{ attempt: offer.attempt }]);
    });

    it('one job for an ephemeral runner, and lets it go afterwards', async () => {
      const lone = await world.agent({ ephemeral: true, slots: 4 });
      await world.submit(3);
      const { journal, ...running } = await lone.run();
      const holding = [{ ...running, cancelling: false }];
      const busy = lone.poll({ freeSlots: 3, holding });
      await world.clock.advance(POLL_MS);
      expect(await busy).toEqual({ ok: true, value: null });
      journal.finish();
      await lone.sync(running, journal);
      expect(await lone.told({ freeSlots: 4 })).toMatchObject({ leave: true, offers: [] });
    });

    it('and fails a job whose secrets cannot be opened', async () => {
      await secret(world, '', 'TOKEN', 'hunter2');
      await world.store.db.updateTable('secret').set({ ciphertext: 'AAAA' }).execute();
      const run = await world.submit();
      const offer = (await agent.told()).offers[0];
      if (!offer) throw new Error('there was no offer');
      expect(await world.service.accept(agent.key, offer.attempt, offer.fence)).toMatchObject({ ok: false });
      expect(await run.jobs()).toEqual({ job0: 'failure' });
    });
  });

  it('carries a job from its submission to its end', async () => {
    const run = await world.submit();
    const { journal, ...running } = await agent.run();
    expect(await run.jobs()).toEqual({ job0: 'running' });
    journal.step(1, 'running').step(1, 'completed').finish();
    expect(await agent.sync(running, journal)).toMatchObject({ result: 'ok', ack: 4 });
    expect(await run.conclusion()).toBe('success');
  });

  it('says whether somebody watches', async () => {
    const { journal, ...running } = await begun(world, agent);
    expect(await agent.sync(running, journal)).toMatchObject({ live: false });
    world.service.watch(running.attempt);
    world.service.watch(running.attempt);
    expect(await agent.sync(running, journal)).toMatchObject({ live: true });
    world.service.unwatch(running.attempt);
    expect(await agent.sync(running, journal)).toMatchObject({ live: true });
    world.service.unwatch(running.attempt);
    expect(await agent.sync(running, journal)).toMatchObject({ live: false });
  });

  describe('takes logs', () => {
    const chunk = (attempt: string, fence: number) => ({
      attempt,
      fence,
      step: 1,
      offset: 0,
      crc32: '00000000',
      bytes: Buffer.from('hello'),
    });

    it('of attempts that run, from who has them', async () => {
      const { attempt, fence } = await begun(world, agent);
      expect(must(await world.service.appendLog(agent.key, chunk(attempt, fence)))).toEqual({
        received: 5,
        durable: 5,
      });
      const other = await world.agent();
      for (const result of [
        await world.service.appendLog(agent.key, chunk(attempt, fence + 1)),
        await world.service.appendLog(other.key, chunk(attempt, fence)),
        await world.service.appendLog(agent.key, chunk('nobody', fence)),
      ])
        expect(result).toMatchObject({ ok: false, error: { code: 'conflict', reason: 'fenced' } });
      expect(world.logged).toHaveLength(1);
    });

    it('asking the database once for many', async () => {
      const { attempt, fence } = await begun(world, agent);
      world.asked.length = 0;
      for (let count = 0; count < 20; count++) await world.service.appendLog(agent.key, chunk(attempt, fence));
      expect(world.asked).toEqual(['find-log-writer']);
    });

    it('of several steps at once, each answered for itself, with one question', async () => {
      const { attempt, fence } = await begun(world, agent);
      world.asked.length = 0;
      const chunks = [chunk(attempt, fence), { ...chunk(attempt, fence), step: 2 }, chunk('nobody', fence)];
      expect(must(await world.service.appendLogs(agent.key, chunks))).toMatchObject([
        { ok: true, value: { received: 5, durable: 5 } },
        { ok: true, value: { received: 5, durable: 5 } },
        { ok: false, error: { reason: 'fenced' } },
      ]);
      expect(world.asked).toEqual(['find-log-writer', 'find-log-writer']);
    });

    it('for a day after the end of the job', async () => {
      const { journal, ...running } = await begun(world, agent);
      journal.finish();
      await agent.sync(running, journal);
      must(await world.service.appendLog(agent.key, chunk(running.attempt, running.fence)));
      for (let hours = 0; hours < 24; hours++) {
        await world.clock.advance(3_599_000);
        must(await world.service.sync(agent.key, { attempts: [] }));
        await world.clock.advance(1_000);
      }
      await world.clock.advance(60_000);
      expect(await world.service.appendLog(agent.key, chunk(running.attempt, running.fence))).toMatchObject({
        error: { reason: 'fenced' },
      });
    });

    it('not any more once the attempt was taken away', async () => {
      const { attempt, fence } = await begun(world, agent);
      must(await world.service.appendLog(agent.key, chunk(attempt, fence)));
      await world.clock.advance(60_000);
      must(await world.store.execute('sweep', {}));
      await world.clock.advance(540_000);
      must(await world.store.execute('sweep', {}));
      expect(await world.service.appendLog(agent.key, chunk(attempt, fence))).toMatchObject({
        error: { reason: 'fenced' },
      });
    });
  });

  it('finds work for agents of a kind that was not seen for long, and for labels of one run', async () => {
    for (let day = 0; day < 3; day++) {
      const labels = [`host-${day}`];
      const rare = await world.agent({ labels });
      const poll = rare.told();
      await settle();
      await RunHand.submit(world.store, `on: push\njobs: { a: { runs-on: host-${day}, steps: [ { run: echo } ] } }`);
      expect((await poll).offers).toHaveLength(1);
      for (let hour = 0; hour < 24; hour++) {
        await world.clock.advance(3_500_000);
        must(await world.service.sync(agent.key, { attempts: [] }));
      }
    }
    const poll = agent.told();
    await settle();
    await world.submit();
    expect((await poll).offers).toHaveLength(1);
  });

  it('offers a job with steps in the background to agents that know of them alone', async () => {
    const old = await world.agent({ features: ['log-offsets'] });
    const steps = { beside: '{ run: echo, background: true }', plain: '{ run: echo }' };
    const submit = (step: string) =>
      RunHand.submit(world.store, `on: push\njobs: { a: { runs-on: linux, steps: [ ${step} ] } }`);
    await submit(steps.beside);
    const plain = await submit(steps.plain);
    expect((await old.told()).offers).toMatchObject([{ run: plain.id }]);
    const able = await world.agent({ features: ['background-steps'] });
    expect((await able.told()).offers).toHaveLength(1);
  });

  it('drains: nothing is offered any more, what was accepted is said', async () => {
    const { attempt } = await begun(world, agent);
    await world.submit();
    expect(must(await world.service.drain(agent.key))).toEqual({ outstanding: [attempt] });
    const poll = agent.poll({ freeSlots: 1, holding: [] });
    await settle();
    world.service.close();
    expect(must(await poll)?.offers ?? []).toEqual([]);
  });

  it('serves any agent from any server', async () => {
    const other = world.serve();
    const held = other.poll(agent.key, { freeSlots: 1, takesWork: true, holding: [] }, new AbortController().signal);
    await settle();
    await world.submit();
    const offer = must(await held)?.offers[0];
    if (!offer) throw new Error('there was no offer');
    must(await world.service.accept(agent.key, offer.attempt, offer.fence));
    other.close();
  });
});

describe('the sweeper', () => {
  it('ends what is due on time, and sleeps in between', async () => {
    const world = await ServiceWorld.open();
    const agent = await world.agent();
    const sweeper = new Sweeper({ store: world.store, clock: world.clock, settings: TEST_SETTINGS, log: SILENT_LOG });
    await sweeper.start();
    await world.clock.advance(7_000);
    await world.submit();
    const offer = (await agent.told()).offers[0];
    const state = async () =>
      (await world.store.db.selectFrom('attempt').select('state').executeTakeFirstOrThrow()).state;
    await world.clock.advance(29_999);
    expect(await state()).toBe('offered');
    const before = world.store.metrics.filter(({ name }) => name === 'ops_per_commit').length;
    await world.clock.advance(1);
    expect(await state()).toBe('queued');
    expect(world.store.metrics.filter(({ name }) => name === 'ops_per_commit').length - before).toBeLessThan(5);
    expect(offer).toBeDefined();
    await sweeper.close();
    await world.close();
    expect(world.clock.pendingTimers).toBe(0);
  });
});

/** A job of its own, submitted and begun. */
async function begun(world: ServiceWorld, agent: TestAgent) {
  await world.submit();
  return await agent.run();
}

async function cancelAll(world: ServiceWorld, force: boolean): Promise<void> {
  const rows = await world.store.db.selectFrom('run').select('id').execute();
  for (const { id } of rows) must(await world.store.execute('cancel-run', { run: id, force, actor: 'a' }));
}

async function secret(world: ServiceWorld, scope: string, name: string, value: string): Promise<void> {
  const { version } = must(await world.store.execute('next-secret-version', { scope, name }));
  const ciphertext = world.secrets.encrypt(value, { scope, name, version });
  const { keyId } = world.secrets;
  must(await world.store.execute('set-secret', { actor: 'a', scope, name, version, ciphertext, keyId }));
}
