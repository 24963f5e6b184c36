import { failure } from './api-failure.ts';

/**
 * Refuses U+0000 in any text of what somebody sends: PostgreSQL cannot keep it, no variable of a process can hold it, and
 * what comes after it is not compared or shown everywhere.
 *
 * @param what What the values are of, such as `the query`.
 */
export function refuseNul(value: unknown, what: string): void {
  const open: { readonly path: string; readonly value: unknown }[] = [{ path: '', value }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value: inner } = next;
    if (typeof inner === 'string' && inner.includes('\0'))
      throw failure('invalid', null, `${what} has the character U+0000${path}, which no text may hold`);
    if (typeof inner !== 'object' || inner === null) continue;
    for (const [key, value] of Object.entries(inner)) {
      if (key.includes('\0')) throw failure('invalid', null, `${what} has the character U+0000 in a name`);
      open.push({ path: ` at ${key}`, value });
    }
  }
}

/** How JSON writes it: what has not even this is not looked through. */
export const NUL_IN_JSON = '\\u0000';
