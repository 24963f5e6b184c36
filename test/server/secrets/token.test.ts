import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { mintToken, readToken } from '../../../src/server/secrets/token.ts';
import type { TokenKind } from '../../../src/server/secrets/token.ts';

describe('a token', () => {
  it('tells its kind, and its hash is what it was made with', () => {
    const kinds: TokenKind[] = ['user', 'registration', 'session'];
    for (const kind of kinds) {
      const { token, hash } = mintToken(kind, randomBytes(32));
      expect(token).toMatch(/^pcl_[urs]_[\w-]{49}$/);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
      expect(readToken(token)).toEqual({ kind, hash });
    }
  });

  it('that was cut, lengthened, mistyped or relabelled is none', () => {
    const { token } = mintToken('user', randomBytes(32));
    const wrong = [token.slice(0, -1), `${token}x`, token.replace('pcl_u', 'pcl_s'), token.toUpperCase(), '', 'pcl_u_'];
    for (let at = 6; at < token.length; at += 1)
      wrong.push(token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1));
    expect(wrong.filter((text) => readToken(text) !== null)).toEqual([]);
  });
});
