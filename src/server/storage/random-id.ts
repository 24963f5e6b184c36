import { randomInt } from 'node:crypto';

const HALF = 8;

/**
 * 16 lower-case letters and digits: eight of the time in milliseconds, eight that nobody knows before (41 bits). What is
 * made at the same time stands side by side in every index, so that a commit writes few pages.
 */
export function randomId(): string {
  return digits(Date.now()) + digits(randomInt(36 ** HALF));
}

/** The time has eight digits until the year 2059, and a ninth is not needed: it begins anew. */
function digits(number: number): string {
  return number.toString(36).padStart(HALF, '0').slice(-HALF);
}
