/**
 * Whether jobs of a repository are taken. Patterns are `OWNER/NAME` with `*` for any part of either, whatever their
 * case; an empty list allows all. A run without a repository is allowed only by the empty list.
 */
export function allowsRepository(patterns: readonly string[], repository: string | null): boolean {
  if (patterns.length === 0) return true;
  return repository !== null && patterns.some((pattern) => toExpression(pattern).test(repository));
}

function toExpression(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]*')}$`, 'i');
}
