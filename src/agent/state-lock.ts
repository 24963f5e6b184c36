import { lstatSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { holderOf, takeLock } from '../journal/writer-lock.ts';
import { identityOf, isAlive } from '../process/process-identity.ts';
import { AgentProblem } from './agent-problem.ts';

const LOCK_FILE = 'agent.lock';

/** One agent for a state folder. Ends with its process. Rejects with an {@link AgentProblem} when another has it. */
export async function lockState(
  stateDirectory: string,
  /** What another one that has it would be there for. */
  other: 'agent' | 'registration' = 'agent',
): Promise<() => void> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const identity = identityOf(process.pid) ?? String(process.pid);
  const unlock = takeLock(join(stateDirectory, LOCK_FILE), { identity, isAlive });
  if (unlock !== null) return unlock;
  const pid = lockHolder(stateDirectory);
  const who = pid === null ? '' : ` (process ${pid})`;
  const what =
    other === 'agent'
      ? `An agent runs in ${stateDirectory} already${who}.`
      : `A runner is being registered in ${stateDirectory} already${who}: look at what that one says.`;
  throw new AgentProblem('usage', what);
}

/** When the agent that has the folder took it, in milliseconds since the epoch; null: none has. */
export function lockedSince(stateDirectory: string): number | null {
  return lstatSync(join(stateDirectory, LOCK_FILE), { throwIfNoEntry: false })?.mtimeMs ?? null;
}

/** Process of the agent that has the folder; null: none. */
export function lockHolder(stateDirectory: string): number | null {
  const identity = holderOf(join(stateDirectory, LOCK_FILE));
  return identity !== null && isAlive(identity) ? Number(identity.split(' ')[1]) : null;
}
