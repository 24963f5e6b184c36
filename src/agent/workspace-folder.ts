import { join } from 'node:path';

/**
 * Where a job of a repository works: a folder of the slot's own, so two jobs never share one, and of the repository's
 * own, so what `clean: never` leaves is found by the next job of the same one.
 */
export function workspaceFolder(stateDirectory: string, slot: number, repository: string | null): string {
  const [owner = '_', name = '_'] = (repository ?? '_/_').split('/').map(safeName);
  return join(stateDirectory, 'work', String(slot), owner, name);
}

/** A name that cannot leave its folder, and does not look like another one's. */
function safeName(text: string): string {
  return /^(?!\.+$)[\w.-]{1,100}$/.test(text) ? text : `_${Buffer.from(text).toString('hex').slice(0, 100)}`;
}
