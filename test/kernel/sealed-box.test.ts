import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { seal, SealedBoxError, unseal } from '../../src/kernel/sealed-box.ts';

function keys() {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
  };
}

describe('a sealed box', () => {
  const runner = keys();

  it.each(['', 'x', 'größer ✓ \n', 'a'.repeat(100_000)])('opens for its owner', (text) => {
    expect(unseal(seal(text, runner.publicKey, 'attempt-1'), runner.privateKey, 'attempt-1')).toBe(text);
  });

  it('is another one each time', () => {
    expect(seal('same', runner.publicKey, 'a')).not.toBe(seal('same', runner.publicKey, 'a'));
  });

  it('does not open for another key', () => {
    const sealed = seal('secret', runner.publicKey, 'a');
    expect(() => unseal(sealed, keys().privateKey, 'a')).toThrow(SealedBoxError);
  });

  it('does not open for another attempt', () => {
    const sealed = seal('secret', runner.publicKey, 'attempt-1');
    expect(() => unseal(sealed, runner.privateKey, 'attempt-2')).toThrow(SealedBoxError);
  });

  it('does not open once any byte of it was changed', () => {
    const sealed = Buffer.from(seal('secret', runner.publicKey, 'a'), 'base64');
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => unseal(changed.toString('base64'), runner.privateKey, 'a')).toThrow(SealedBoxError);
    }
  });

  it.each(['', 'AAAA', 'not base64 at all'])('refuses what was never sealed: %p', (text) => {
    expect(() => unseal(text, runner.privateKey, 'a')).toThrow(SealedBoxError);
  });
});
