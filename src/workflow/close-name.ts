/** A slip of the finger or two, fewer in short names: to a letter or two anything would be close. */
const MAX_EDITS = 3;
const LETTERS_PER_EDIT = 3;
/** Longer texts are no misspelt names, and comparing them costs. */
const MAX_LENGTH = 60;

/** Among more names a search costs more than it helps. */
const MAX_NAMES = 300;

/** Up to `count` of the names that are close to what was written, closest first. Case, `_` and `-` hardly count. */
export function closeNames(written: string, names: readonly string[], count = 1): readonly string[] {
  if (written.length > MAX_LENGTH || names.length > MAX_NAMES) return [];
  const wanted = fold(written);
  const limit = Math.min(MAX_EDITS, Math.floor(wanted.length / LETTERS_PER_EDIT));
  return names
    .map((name) => ({ name, edits: distance(wanted, fold(name)) }))
    .filter(({ edits }) => edits <= limit)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, count)
    .map(({ name }) => name);
}

/** `; did you mean \`x\`?`, or nothing when no name is close. */
export function didYouMean(written: string, names: readonly string[]): string {
  const [closest] = closeNames(written, names);
  return closest === undefined || closest === written ? '' : `; did you mean \`${closest}\`?`;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_]/g, '-');
}

/** Edits from one to the other: inserted, removed, changed or swapped letters (optimal string alignment). */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_EDITS) return Infinity;
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let edits = Math.min(
        at(previous, column - 1) + (same ? 0 : 1),
        at(previous, column) + 1,
        at(current, column - 1) + 1,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        edits = Math.min(edits, at(older, column - 2) + 1);
      current.push(edits);
    }
    older = previous;
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
