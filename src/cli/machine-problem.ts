import { CommandProblem } from './command-problem.ts';
import { EXIT } from './exit-codes.ts';

/**
 * What a person can do about a file that the system did not give, or took nothing more for; null for every other error.
 * A disk may have room again without anybody: a service that ends for that is started again.
 */
export function machineProblem(error: unknown): CommandProblem | null {
  if (!(error instanceof Error)) return null;
  const { code, syscall, dest, path: named } = error as NodeJS.ErrnoException & { readonly dest?: string };
  // Of a symbolic link, `path` is what it was to say.
  const path = syscall === 'symlink' ? dest : named;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const where = path === undefined ? '' : ` for '${path}'`;
    return new CommandProblem(EXIT.runFailed, `There is no room left on the disk${where} (${code}).`);
  }
  if (path === undefined) return null;
  if (code === 'EACCES' || code === 'EPERM')
    return new CommandProblem(
      EXIT.usage,
      `This account may not use '${path}' (${code}): call it as the account that the folder belongs to, or have root give the folder to this one.`,
    );
  if (code === 'EROFS') return new CommandProblem(EXIT.usage, `The disk of '${path}' can only be read (${code}).`);
  if (code === 'ENOTDIR')
    return new CommandProblem(EXIT.usage, `A part of '${path}' is a file, not a folder (${code}).`);
  return null;
}
