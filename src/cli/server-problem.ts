import { asSentence } from './client/request-problem.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT } from './exit-codes.ts';

/** What a person can do something about when a server, or what works on its data, cannot start. */
export async function asServerProblem<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { name, message } = error;
    const { code } = error as NodeJS.ErrnoException;
    if (name === 'DatabaseOpenError') throw new CommandProblem(EXIT.unreachable, asSentence(message));
    if (OF_THE_PERSON.has(name) || OF_THE_MACHINE.has(code ?? ''))
      throw new CommandProblem(EXIT.usage, asSentence(message));
    throw error;
  }
}

const OF_THE_PERSON = new Set(['KeyError', 'NewerSchemaError', 'BackupError', 'ServerStartError']);
const OF_THE_MACHINE = new Set([
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'ENOSPC',
  'EROFS',
  'ENOTDIR',
  'ENOTFOUND',
]);
