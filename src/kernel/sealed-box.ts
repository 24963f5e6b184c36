import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** An X25519 public key in SPKI: a fixed head and 32 bytes. OpenSSL takes far longer to read that than the bytes alone. */
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex');
const SPKI_BYTES = 44;
const INFO = 'paceline-sealed-box';

/** What was sealed does not open: another key, other associated data, or bytes that were changed. */
export class SealedBoxError extends Error {
  override readonly name = 'SealedBoxError';
}

/**
 * Encrypts a text for the owner of an X25519 key, who alone can read it; who sealed it is not said. An ephemeral key is
 * agreed with the owner's (X25519, HKDF-SHA256), and the text encrypted with what comes of it (AES-256-GCM).
 *
 * @param publicKeySpki X25519, SPKI in base64.
 * @param aad What the text belongs to: it opens with the same only.
 * @returns base64: ephemeral public key (44 bytes, SPKI), text, tag (16 bytes).
 */
export function seal(text: string, publicKeySpki: string, aad: string): string {
  const recipient = Buffer.from(publicKeySpki, 'base64');
  const ephemeral = generateKeyPairSync('x25519');
  const sender = spkiOf(ephemeral.publicKey);
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: readPublicKey(recipient) });
  const { key, nonce } = derive(shared, sender, recipient);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(aad));
  return Buffer.concat([sender, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/**
 * The text that was sealed.
 * @param privateKey X25519, PKCS #8 in base64.
 * @throws SealedBoxError, whose message has no part of the text.
 */
export function unseal(sealed: string, privateKey: string, aad: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  try {
    const own = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' });
    const sender = bytes.subarray(0, SPKI_BYTES);
    const recipient = spkiOf(createPublicKey(own));
    const shared = diffieHellman({ privateKey: own, publicKey: readPublicKey(sender) });
    const { key, nonce } = derive(shared, sender, recipient);
    const tagAt = bytes.length - TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, key, nonce).setAAD(Buffer.from(aad)).setAuthTag(bytes.subarray(tagAt));
    return Buffer.concat([decipher.update(bytes.subarray(SPKI_BYTES, tagAt)), decipher.final()]).toString();
  } catch {
    // OpenSSL's own words say nothing more.
    throw new SealedBoxError('what was sealed does not open with this key');
  }
}

function readPublicKey(spki: Buffer): KeyObject {
  if (spki.length !== SPKI_BYTES || !spki.subarray(0, SPKI_HEAD.length).equals(SPKI_HEAD))
    throw new RangeError('this is no X25519 key');
  const x = spki.subarray(SPKI_HEAD.length).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}

function spkiOf(key: KeyObject): Buffer {
  return Buffer.concat([SPKI_HEAD, Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')]);
}

/** The ephemeral key is used once, so the nonce can come out of it too. Both public keys take part. */
function derive(shared: Uint8Array, sender: Uint8Array, recipient: Uint8Array): { key: Buffer; nonce: Buffer } {
  const bytes = Buffer.from(
    hkdfSync('sha256', shared, Buffer.concat([sender, recipient]), INFO, KEY_BYTES + NONCE_BYTES),
  );
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}
