/**
 * Whether a repository may be shown the server's token: one that was registered, by whoever may decide that, and what is
 * below the server's base URL. Not what merely stands in a submission, which would give the token to any address.
 */
export function maySeeToken(url: string, registered: string | null, baseUrl: string): boolean {
  return url === registered || url.startsWith(`${baseUrl}/`);
}
