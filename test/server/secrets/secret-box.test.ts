import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { SecretBox, SecretBoxError } from '../../../src/server/secrets/secret-box.ts';

const key = randomBytes(32);
const box = new SecretBox(key, randomBytes);
const place = { scope: 'octo/app', name: 'TOKEN', version: 3 };

describe('a secret at rest', () => {
  it('opens in its place, whatever is in it', () => {
    for (const text of ['x', 'päss\nword', '', 'a'.repeat(50_000)])
      expect(box.decrypt(box.encrypt(text, place), place)).toBe(text);
  });

  it('has nothing of the text in it, and is never the same twice', () => {
    const one = box.encrypt('hunter2hunter2', place);
    expect(Buffer.from(one, 'base64').includes('hunter2')).toBe(false);
    expect(box.encrypt('hunter2hunter2', place)).not.toBe(one);
  });

  it('does not open in another place', () => {
    const sealed = box.encrypt('x', place);
    for (const other of [{ scope: '' }, { name: 'OTHER' }, { version: 4 }])
      expect(() => box.decrypt(sealed, { ...place, ...other })).toThrow(SecretBoxError);
  });

  it('does not open when any byte of it was changed', () => {
    const bytes = Buffer.from(box.encrypt('x', place), 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => box.decrypt(changed.toString('base64'), place)).toThrow(SecretBoxError);
    }
    for (const cut of [0, 1, 40, bytes.length - 1])
      expect(() => box.decrypt(bytes.subarray(0, cut).toString('base64'), place)).toThrow(SecretBoxError);
  });

  it('says so when the key is another one', () => {
    const other = new SecretBox(randomBytes(32), randomBytes);
    expect(() => other.decrypt(box.encrypt('x', place), place)).toThrow(/another key than this server has/);
  });

  it('is wrapped for another key without being encrypted anew', () => {
    const next = new SecretBox(randomBytes(32), randomBytes);
    const sealed = box.encrypt('deep', place);
    const moved = box.rewrap(sealed, place, next);
    expect(next.decrypt(moved, place)).toBe('deep');
    expect(() => box.decrypt(moved, place)).toThrow(SecretBoxError);
    expect(Buffer.from(moved, 'base64').subarray(-20)).toEqual(Buffer.from(sealed, 'base64').subarray(-20));
  });

  it('needs a key of 32 bytes', () => {
    expect(() => new SecretBox(randomBytes(16), randomBytes)).toThrow('16 bytes, not 32');
  });
});
