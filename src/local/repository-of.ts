/** What a remote's address says. Never holds the credentials that may be part of it. */
export interface Repository {
  /** `owner/name`. */
  readonly fullName: string;
  /** `https://github.com`, without a slash at the end. */
  readonly serverUrl: string;
}

export { GITHUB_SERVER as DEFAULT_SERVER } from '../workflow/github-context.ts';

/**
 * Reads `https://host/owner/name.git`, `ssh://git@host/owner/name`, `git@host:owner/name.git`. Of deeper paths the last
 * two parts count. Null for a path on this machine and for what names no owner.
 */
export function repositoryOf(remoteUrl: string): Repository | null {
  const scp = /^(?:[^@/]+@)?([^:/]{2,}):(?!\/\/)(.+)$/.exec(remoteUrl);
  if (scp) return named(scp[2] ?? '', `https://${scp[1] ?? ''}`);
  if (!URL.canParse(remoteUrl)) return null;
  const { protocol, host, hostname, pathname } = new URL(remoteUrl);
  if (hostname === '') return null;
  const overHttp = protocol === 'http:' || protocol === 'https:';
  return named(pathname, overHttp ? `${protocol}//${host}` : `https://${hostname}`);
}

function named(path: string, serverUrl: string): Repository | null {
  const parts = path
    .replace(/\.git\/?$/, '')
    .split('/')
    .filter(Boolean);
  if (parts.length < 2) return null;
  return { fullName: parts.slice(-2).join('/'), serverUrl };
}
