/** The secret GITHUB_TOKEN, in any case; null without. */
export function tokenOf(secrets: Readonly<Record<string, string>>): string | null {
  return Object.entries(secrets).find(([name]) => name.toUpperCase() === 'GITHUB_TOKEN')?.[1] ?? null;
}
