import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `user`: of people and programs. `registration`: for new runners. `session`: an agent's, made by a session. */
export type TokenKind = 'user' | 'registration' | 'session';

export interface NewToken {
  /** Shown once, stored nowhere. */
  readonly token: string;
  readonly hash: string;
}

/** Random bytes in a token. */
export const TOKEN_BYTES = 32;

const LETTERS: Readonly<Record<TokenKind, string>> = { user: 'u', registration: 'r', session: 's' };
const FORM = /^pcl_([urs])_([\w-]{43})([\w-]{6})$/;

/** `pcl_u_…`: 32 random bytes and a checksum of what is before it, in base64url. */
export function mintToken(kind: TokenKind, random: Uint8Array): NewToken {
  if (random.length !== TOKEN_BYTES) throw new Error(`a token is made of ${TOKEN_BYTES} bytes, not ${random.length}`);
  const body = `pcl_${LETTERS[kind]}_${Buffer.from(random).toString('base64url')}`;
  const token = body + checksum(body);
  return { token, hash: hashToken(token) };
}

/** Null for what was never a token, such as one that was cut or mistyped. */
export function readToken(text: string): { readonly kind: TokenKind; readonly hash: string } | null {
  const letter = FORM.exec(text)?.[1];
  if (letter === undefined || checksum(text.slice(0, -6)) !== text.slice(-6)) return null;
  const kind = letter === 'u' ? 'user' : letter === 'r' ? 'registration' : 'session';
  return { kind, hash: hashToken(text) };
}

/** SHA-256 in hex, which is all that is stored: a token has enough chance in it to need no salt and no slow hash. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function checksum(body: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64url');
}
