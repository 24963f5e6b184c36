import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentStatus } from './agent-ports.ts';
import { readIdentity } from './identity.ts';
import { lockHolder } from './state-lock.ts';

export const STATUS_FILE = 'status.json';
/** Below the state folder; workspaces stay, they may hold somebody's work. */
export const ATTEMPTS_FOLDER = 'attempts';

export interface AgentFacts {
  readonly registered: { readonly server: string; readonly runner: string; readonly name: string } | null;
  /** Of the agent that holds the folder; null: none runs. */
  readonly pid: number | null;
  /** The last that an agent wrote; null: none ever ran. */
  readonly status: AgentStatus | null;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number | null;
}

/** What the folder tells of its agent. Never rejects for what is missing. */
export async function agentStatus(stateDirectory: string): Promise<AgentFacts> {
  const [identity, written] = await Promise.all([readIdentity(stateDirectory), readStatus(stateDirectory)]);
  const registered = identity && { server: identity.server, runner: identity.runner, name: identity.name };
  return {
    registered,
    pid: lockHolder(stateDirectory),
    status: written?.status ?? null,
    writtenAt: written?.writtenAt ?? null,
  };
}

/** Asks the agent of the folder to drain (SIGTERM). False: none runs. */
export function drainAgent(stateDirectory: string): Promise<boolean> {
  const pid = lockHolder(stateDirectory);
  if (pid !== null) process.kill(pid, 'SIGTERM');
  return Promise.resolve(pid !== null);
}

interface WrittenStatus {
  readonly writtenAt: number;
  readonly status: AgentStatus;
}

/** Whoever reads it gets the whole of it or of the one before. */
export async function writeStatus(stateDirectory: string, written: WrittenStatus): Promise<void> {
  const path = join(stateDirectory, STATUS_FILE);
  await writeFile(`${path}.new`, JSON.stringify(written), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function readStatus(stateDirectory: string): Promise<WrittenStatus | null> {
  try {
    return JSON.parse(await readFile(join(stateDirectory, STATUS_FILE), 'utf8')) as WrittenStatus;
  } catch {
    // None yet.
    return null;
  }
}
