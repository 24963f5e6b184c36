/** What a caller asked for cannot be done as asked: one sentence that names the thing and the way out. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
