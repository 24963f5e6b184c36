/** Edits that a slip of the fingers takes. */
const MAX_EDITS = 3;

/** The name that `written` was probably meant to be, or null: for "did you mean". */
export function closestName(written: string, names: readonly string[]): string | null {
  let closest: string | null = null;
  let fewest = Math.min(MAX_EDITS, Math.floor(written.length / 2)) + 1;
  for (const name of names) {
    const edits = editDistance(written.toLowerCase(), name.toLowerCase());
    if (edits >= fewest) continue;
    closest = name;
    fewest = edits;
  }
  return closest;
}

/** Insertions, deletions and replacements from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (from[at - 1] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
