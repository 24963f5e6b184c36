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
    if (code === 'EADDRINUSE') throw new CommandProblem(EXIT.usage, inUse(error));
    if (OF_THE_PERSON.has(name) || OF_THE_MACHINE.has(code ?? ''))
      throw new CommandProblem(EXIT.usage, asSentence(message));
    throw error;
  }
}

/** Part of the contract with `paceline up`, which then takes another port. */
export const ADDRESS_IN_USE = 'Another program listens there already';

function inUse(error: Error): string {
  const { address = '', port = '' } = error as Error & { address?: string; port?: number };
  return `${ADDRESS_IN_USE}: ${address}:${port}. Another address is given by --listen.`;
}

const OF_THE_PERSON = new Set(['KeyError', 'TlsError', 'NewerSchemaError', 'BackupError', 'ServerStartError']);
const OF_THE_MACHINE = new Set(['EADDRNOTAVAIL', 'EACCES', 'EPERM', 'ENOSPC', 'EROFS', 'ENOTDIR', 'ENOTFOUND']);
