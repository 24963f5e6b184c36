import { MAX_IDENTIFIER_CHARACTERS, RESERVED_PREFIX } from './check-identifier.ts';

/** Gives ids to steps that have none: the kind or the action with a prefix, then `_2`, `_3`… (background-steps A10) */
export class StepIds {
  /** Lower case: ids are names in a context. */
  readonly #taken: Set<string>;
  /** Numbers tried for a name, so that a thousand steps of one kind do not each count from one. */
  readonly #counts = new Map<string, number>();

  constructor(written: Iterable<string>) {
    this.#taken = new Set([...written].map((id) => id.toLowerCase()));
  }

  next(name: string): string {
    const base = RESERVED_PREFIX + name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
    for (let count = (this.#counts.get(base) ?? 0) + 1; ; count++) {
      const suffix = count === 1 ? '' : `_${count}`;
      const id = base.slice(0, MAX_IDENTIFIER_CHARACTERS - suffix.length) + suffix;
      if (this.#taken.has(id.toLowerCase())) continue;
      this.#taken.add(id.toLowerCase());
      this.#counts.set(base, count);
      return id;
    }
  }
}

/** `self` for an action of the workspace, `owner_name`, or the image. */
export function nameOfAction(uses: string): string {
  if (uses.startsWith('docker://')) return uses.slice('docker://'.length);
  if (uses.startsWith('.')) return 'self';
  return uses.split('@', 1)[0]?.split('/').slice(0, 2).join('_') ?? '';
}
