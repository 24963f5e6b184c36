import { readFile, rm } from 'node:fs/promises';
import { InstallProblem } from './install-problem.ts';
import type { RunnerFolder } from './runner-folder.ts';
import { syncFolder, writeDurably } from '../kernel/write-durably.ts';

/** `.service` of a runner's folder. It is there before anything of the service is, and goes after everything of it. */
export interface ServiceRecord {
  readonly schema: 1;
  readonly manager: 'systemd' | 'launchd';
  /** For the machine, or for one person's session. */
  readonly scope: 'system' | 'user';
  /** As the manager calls it. */
  readonly name: string;
  /** The unit's or the plist's. */
  readonly file: string;
  /** Null: whose session it is. */
  readonly runAs: string | null;
  /** False while an install is under way, or was interrupted. */
  readonly isComplete: boolean;
}

/** Null: no service is installed. */
export async function readServiceRecord({ service }: RunnerFolder): Promise<ServiceRecord | null> {
  let text: string;
  try {
    text = await readFile(service, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return JSON.parse(text) as ServiceRecord;
  } catch {
    throw new InstallProblem(`${service} is damaged: remove it and the service that it was about by hand.`);
  }
}

export async function writeServiceRecord({ service }: RunnerFolder, record: ServiceRecord): Promise<void> {
  await writeDurably(service, `${JSON.stringify(record, null, 2)}\n`, MODE);
}

export async function removeServiceRecord({ service, root }: RunnerFolder): Promise<void> {
  await rm(service, { force: true });
  await syncFolder(root);
}

const MODE = 0o644;
