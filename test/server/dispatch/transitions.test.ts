import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ATTEMPT_TRANSITIONS, type AttemptState } from '../../../src/protocol/attempt-state.ts';
import { type Move, moveAttempt } from '../../../src/server/dispatch/move-attempt.ts';
import { statesBefore } from '../../../src/server/dispatch/move-rows.ts';
import { type Offered, QueueWorld } from './queue-world.ts';

const STATES = Object.keys(ATTEMPT_TRANSITIONS) as AttemptState[];
const PAIRS = STATES.flatMap((from) => STATES.map((to) => [from, to] as const));

describe('the state of an attempt', () => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open('sqlite');
  });
  afterEach(() => world.close());

  it.each(PAIRS)('goes from %s to %s only where the table says so', async (from, to) => {
    const { attempt } = await attemptIn(world, from);
    const { fence } = await world.attempt(attempt);
    const moved = await world.perform((context) => moveAttempt(context, { id: attempt, fence }, moveTo(from, to)));
    const isLegal = ATTEMPT_TRANSITIONS[from].includes(to);
    expect(moved).toBe(isLegal);
    expect(await world.state(attempt)).toBe(isLegal ? to : from);
    expect(world.store.counted('illegal_transition_total', { from, to })).toBe(isLegal ? 0 : 1);
    expect(await world.inconsistencies()).toEqual([]);
  });

  it.each(STATES)('does not move from %s by somebody with another fence', async (from) => {
    const { attempt } = await attemptIn(world, from);
    const { fence } = await world.attempt(attempt);
    for (const to of ATTEMPT_TRANSITIONS[from]) {
      const held = { id: attempt, fence: fence + 1 };
      expect(await world.perform((context) => moveAttempt(context, held, moveTo(from, to)))).toBe(false);
    }
    expect(await world.state(attempt)).toBe(from);
    expect(world.store.counted('fenced_total')).toBe(ATTEMPT_TRANSITIONS[from].length);
  });

  it('knows where each state can come from', () => {
    for (const [from, to] of PAIRS)
      expect(statesBefore(to).includes(from)).toBe(ATTEMPT_TRANSITIONS[from].includes(to));
  });
});

async function attemptIn(world: QueueWorld, state: AttemptState): Promise<Pick<Offered, 'attempt'>> {
  switch (state) {
    case 'queued':
      return { attempt: await world.job() };
    case 'offered':
      return await world.offered();
    case 'accepted':
      return await world.accepted();
    case 'running':
      return await world.running();
    case 'disconnected': {
      const running = await world.running();
      await world.pass(60_000);
      return running;
    }
    case 'finished': {
      const running = await world.running();
      running.journal.finish();
      await world.sync(running, running.journal);
      return running;
    }
  }
}

function moveTo(from: AttemptState, to: AttemptState): Move {
  switch (to) {
    case 'offered':
      return { to, session: 's', runner: 'r', fence: 1_000 };
    case 'accepted':
    case 'running':
      return { to };
    case 'disconnected':
      return { to, dueAt: 0 };
    case 'queued':
      return { to, from: from === 'accepted' ? 'accepted' : 'offered', notBefore: 0 };
    case 'finished':
      return { to, conclusion: 'cancelled', reason: 'cancelled-by-user', lost: null, reported: false };
  }
}
