import { readFile, rm } from 'node:fs/promises';
import { InstallProblem } from './install-problem.ts';
import type { RunnerFolder } from './runner-folder.ts';
import { syncFolder, writeDurably } from '../kernel/write-durably.ts';

/**
 * `.upgrade` of a runner's folder: how far an upgrade has come.
 *
 * ```
 * unpacking ─► ready ─► stopping ─► swapped ─► (gone)
 *                                      └──────► returning ─► (gone)
 * ```
 *
 * Whoever writes it has the lock beside it, `.upgrade.lock`, which ends with its process. Until `stopping` nothing that runs was touched, so that it may be left as it is; from then on it is completed.
 */
export interface UpgradeJournal {
  readonly schema: 1;
  readonly stage: 'unpacking' | 'ready' | 'stopping' | 'swapped' | 'returning';
  /** A path, made absolute, or a URL without what may be secret in it: the file can be read by all. */
  readonly source: string;
  readonly from: string;
  /** Null while it is not known yet. */
  readonly to: string | null;
  /** Whether the service ran when it began, and is to run at its end. */
  readonly runs: boolean;
  /** What the service was started by when it began; null: there was none, or an older version has begun. */
  readonly unit: string | null;
}

/** Null: none has begun. Rejects with an {@link InstallProblem} for one that is damaged. */
export async function readUpgradeJournal({ upgrade }: RunnerFolder): Promise<UpgradeJournal | null> {
  let text: string;
  try {
    text = await readFile(upgrade, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return { unit: null, ...(JSON.parse(text) as Omit<UpgradeJournal, 'unit'>) };
  } catch {
    throw new InstallProblem(`${upgrade} is damaged: remove it, and call the command again.`);
  }
}

export async function writeUpgradeJournal({ upgrade }: RunnerFolder, journal: UpgradeJournal): Promise<void> {
  await writeDurably(upgrade, `${JSON.stringify(journal, null, 2)}\n`, MODE);
}

export async function removeUpgradeJournal({ upgrade, root }: RunnerFolder): Promise<void> {
  await rm(upgrade, { force: true });
  await syncFolder(root);
}

const MODE = 0o644;
