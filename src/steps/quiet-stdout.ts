import { AsyncLocalStorage } from 'node:async_hooks';

const quiet = new AsyncLocalStorage<true>();

/** stdout is one for the whole process, and so is what guards it: who wants it quiet, and how it was before. */
const guard = { callers: 0, restore: (): void => undefined };

/**
 * Packages that were made for actions (`@actions/core`) print workflow commands on stdout, which here is the user's
 * terminal or a pipe that somebody reads. What `work` prints, and only that, is dropped; the packages have no switch.
 */
export async function withoutCommandsOnStdout<T>(work: () => Promise<T>): Promise<T> {
  if (guard.callers++ === 0) guard.restore = installGuard(process.stdout);
  try {
    return await quiet.run(true, work);
  } finally {
    if (--guard.callers === 0) guard.restore();
  }
}

function installGuard(stdout: NodeJS.WriteStream): () => void {
  const write = stdout.write.bind(stdout);
  const own = Object.getOwnPropertyDescriptor(stdout, 'write');
  const guarded = ((...args: Parameters<typeof write>) => quiet.getStore() === true || write(...args)) as typeof write;
  stdout.write = guarded;
  return () => {
    // Somebody else has replaced it since, around ours: it lets everything pass, so it may stay.
    if (stdout.write !== guarded) return;
    if (own) Object.defineProperty(stdout, 'write', own);
    else Reflect.deleteProperty(stdout, 'write');
  };
}
