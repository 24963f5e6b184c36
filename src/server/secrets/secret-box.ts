import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 8;
const FORMAT = 1;
const CIPHER = 'aes-256-gcm';

/** What a secret is bound to: moved to another place in the table, it does not open. */
export interface SecretPlace {
  /** '' for the server, else a repository's name. */
  readonly scope: string;
  readonly name: string;
  readonly version: number;
}

/** A secret that does not open: another key, or bytes that were changed. Its message has neither. */
export class SecretBoxError extends Error {
  override readonly name = 'SecretBoxError';
}

/**
 * Encrypts secrets at rest. Each has a data key of its own (AES-256-GCM), which is encrypted with the server's key; a new
 * server key re-wraps the data keys and leaves the secrets as they are.
 *
 * Bytes of a ciphertext, in base64: format (1), id of the server's key (8), nonce (12), wrapped data key (32 + 16),
 * nonce (12), text (n + 16).
 */
export class SecretBox {
  readonly keyId: string;
  readonly #key: Uint8Array;
  readonly #randomBytes: (count: number) => Uint8Array;

  /** @param key 32 bytes. */
  constructor(key: Uint8Array, randomBytes: (count: number) => Uint8Array) {
    if (key.length !== KEY_BYTES)
      throw new SecretBoxError(`the server's key has ${key.length} bytes, not ${KEY_BYTES}`);
    this.#key = Uint8Array.from(key);
    this.#randomBytes = randomBytes;
    this.keyId = createHash('sha256')
      .update('paceline-key\n')
      .update(key)
      .digest('hex')
      .slice(0, 2 * KEY_ID_BYTES);
  }

  encrypt(text: string, place: SecretPlace): string {
    const dataKey = this.#randomBytes(KEY_BYTES);
    return this.#assemble(dataKey, this.#encrypt(dataKey, Buffer.from(text), place), place);
  }

  /** Throws {@link SecretBoxError}. */
  decrypt(ciphertext: string, place: SecretPlace): string {
    const { dataKey, rest } = this.#open(ciphertext, place);
    return decrypt(dataKey, rest, place).toString();
  }

  /** The same secret for another server key. Throws {@link SecretBoxError}. */
  rewrap(ciphertext: string, place: SecretPlace, next: SecretBox): string {
    const { dataKey, rest } = this.#open(ciphertext, place);
    return next.#assemble(dataKey, rest, place);
  }

  /** HMAC-SHA256 with a key for this purpose alone, made of the server's: what a server may know again as its own. */
  mac(purpose: string, bytes: Uint8Array): Buffer {
    const key = createHmac('sha256', this.#key).update(`paceline-mac\n${purpose}`).digest();
    return createHmac('sha256', key).update(bytes).digest();
  }

  #assemble(dataKey: Uint8Array, rest: Uint8Array, place: SecretPlace): string {
    const wrapped = this.#encrypt(this.#key, dataKey, place);
    return Buffer.concat([Buffer.of(FORMAT), Buffer.from(this.keyId, 'hex'), wrapped, rest]).toString('base64');
  }

  #open(ciphertext: string, place: SecretPlace): { dataKey: Uint8Array; rest: Uint8Array } {
    const bytes = Buffer.from(ciphertext, 'base64');
    const wrappedAt = 1 + KEY_ID_BYTES;
    const restAt = wrappedAt + NONCE_BYTES + KEY_BYTES + TAG_BYTES;
    if (bytes[0] !== FORMAT || bytes.length < restAt + NONCE_BYTES + TAG_BYTES)
      throw new SecretBoxError(`the stored secret ${place.name} is damaged`);
    if (bytes.toString('hex', 1, wrappedAt) !== this.keyId)
      throw new SecretBoxError(
        `the stored secret ${place.name} was encrypted with another key than this server has; start it with that key`,
      );
    const dataKey = decrypt(this.#key, bytes.subarray(wrappedAt, restAt), place);
    return { dataKey, rest: bytes.subarray(restAt) };
  }

  #encrypt(key: Uint8Array, text: Uint8Array, place: SecretPlace): Buffer {
    const nonce = this.#randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(associatedData(place));
    return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  }
}

/** `bytes`: nonce, text, tag. */
function decrypt(key: Uint8Array, bytes: Buffer | Uint8Array, place: SecretPlace): Buffer {
  const tagAt = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES))
    .setAAD(associatedData(place))
    .setAuthTag(bytes.subarray(tagAt));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, tagAt)), decipher.final()]);
  } catch {
    // OpenSSL's own words say nothing more.
    throw new SecretBoxError(`the stored secret ${place.name} does not open: it was changed or moved`);
  }
}

function associatedData({ scope, name, version }: SecretPlace): Buffer {
  return Buffer.from(`${scope}|${name}|${version}`);
}
