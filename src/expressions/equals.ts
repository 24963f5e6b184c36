import { equals } from '@actions/expressions/result';
import { toData } from './data.ts';
import type { Json } from './json.ts';

/** What `==` says: text without regard to case, numbers and text by number, lists and mappings by identity. */
export function looselyEqual(left: Json, right: Json): boolean {
  return equals(toData(left), toData(right));
}
