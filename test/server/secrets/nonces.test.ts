import { randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { NONCE_MS, Nonces } from '../../../src/server/secrets/nonces.ts';
import { SecretBox } from '../../../src/server/secrets/secret-box.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ServiceWorld } from '../dispatch/service-world.ts';

const KEY = randomBytes(32);
const clock = new FakeClock();
const box = (key: Uint8Array = KEY): SecretBox => new SecretBox(key, randomBytes);
const nonces = new Nonces(box(), clock, randomBytes);

it('a nonce is fresh for a minute, on every server with the same key', async () => {
  const nonce = nonces.issue();
  const other = new Nonces(box(), clock, randomBytes);
  expect([nonces.isFresh(nonce), other.isFresh(nonce)]).toEqual([true, true]);
  expect(nonces.issue()).not.toBe(nonce);
  await clock.advance(NONCE_MS - 1);
  expect(nonces.isFresh(nonce)).toBe(true);
  await clock.advance(1);
  expect(nonces.isFresh(nonce)).toBe(false);
});

it('a nonce of another key, another spelling of one, one of a later time and none are not fresh', async () => {
  const nonce = nonces.issue();
  expect(new Nonces(box(randomBytes(32)), clock, randomBytes).isFresh(nonce)).toBe(false);
  const late = new FakeClock();
  await late.advance(clock.now() - late.now() + NONCE_MS);
  expect(nonces.isFresh(new Nonces(box(), late, randomBytes).issue())).toBe(false);
  const bytes = Buffer.from(nonce, 'base64url');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = changed[at]! ^ 1;
    expect(nonces.isFresh(changed.toString('base64url'))).toBe(false);
  }
  for (const text of [`${nonce}=`, `${nonce}.`, ` ${nonce}`, `${nonce}AAAA`, nonce.slice(0, -1), '', 'nonce-1'])
    expect(nonces.isFresh(text)).toBe(false);
});

it('nothing is asked of the database for one, nor for a signature of one that is not fresh', async () => {
  const world = await ServiceWorld.open();
  try {
    const agent = await world.agent();
    world.asked.length = 0;
    for (let count = 0; count < 100; count += 1) await world.service.nonce();
    const stale = { signature: 'x', nonce: 'nonce-1', force: false };
    expect(await world.service.unregister(agent.runner, stale)).toMatchObject({
      ok: false,
      error: { code: 'unauthorized', reason: 'token-expired' },
    });
    expect(world.asked).toEqual([]);
  } finally {
    await world.close();
  }
});
