import { hash } from 'node:crypto';

/** Before the first record. */
export const CHAIN_START = '0'.repeat(32);

/**
 * The hash of a record: SHA-256 over the hash before it and the record's text, the first 16 bytes in hex. Two records
 * with the same number and different hashes mean two writers or a broken disk.
 */
export function chainHash(before: string, text: string): string {
  return hash('sha256', `${before}\n${text}`).slice(0, CHAIN_START.length);
}
