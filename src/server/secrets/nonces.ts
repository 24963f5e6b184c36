import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import type { SecretBox } from './secret-box.ts';

/** A nonce is good for so long, once. */
export const NONCE_MS = 60_000;

const TIME_BYTES = 6;
const RANDOM_BYTES = 16;
const MAC_BYTES = 16;

/**
 * Numbers for one signature each, in base64url: when it was given out (6 bytes), random (16), and what proves that a
 * server with this key gave it out (16). Whoever asks for one needs no token, so nothing is written for it; those that
 * are used are remembered, see `useNonce`.
 */
export class Nonces {
  readonly #box: SecretBox;
  readonly #clock: Clock;
  readonly #randomBytes: (count: number) => Uint8Array;

  constructor(box: SecretBox, clock: Clock, randomBytes: (count: number) => Uint8Array) {
    this.#box = box;
    this.#clock = clock;
    this.#randomBytes = randomBytes;
  }

  issue(): string {
    const head = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
    head.writeUIntBE(this.#clock.now(), 0, TIME_BYTES);
    head.set(this.#randomBytes(RANDOM_BYTES), TIME_BYTES);
    return Buffer.concat([head, this.#mac(head)]).toString('base64url');
  }

  /** Given out not long ago. Servers whose clocks differ by less than {@link NONCE_MS} take each other's. */
  isFresh(nonce: string): boolean {
    const bytes = Buffer.from(nonce, 'base64url');
    // One spelling alone: another of the same bytes would be another one that was not used.
    if (bytes.length !== TIME_BYTES + RANDOM_BYTES + MAC_BYTES || bytes.toString('base64url') !== nonce) return false;
    const head = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES);
    if (!timingSafeEqual(bytes.subarray(head.length), this.#mac(head))) return false;
    return Math.abs(this.#clock.now() - head.readUIntBE(0, TIME_BYTES)) < NONCE_MS;
  }

  #mac(head: Uint8Array): Buffer {
    return this.#box.mac('nonce', head).subarray(0, MAC_BYTES);
  }
}
