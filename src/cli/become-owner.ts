import { statSync } from 'node:fs';
import { runnerFolder } from '../install/runner-folder.ts';

/**
 * Root becomes the account of an installed runner for the rest of the process: what that account wrote into `.env`, such
 * as a PATH, is not for root to run, and what it may do is what was asked for.
 */
export function becomeOwner(folder: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(runnerFolder(folder).state, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === 0) return;
  try {
    (process as WithGroups).initgroups(owner.uid, owner.gid);
  } catch {
    // An account without a name.
    process.setgroups?.([owner.gid]);
  }
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}

/** Node.js has it wherever there are accounts; its types do not. */
type WithGroups = NodeJS.Process & { initgroups(user: number, group: number): void };
