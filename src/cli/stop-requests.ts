/** SIGTERM and a closed terminal count as one Ctrl-C each. */
const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * npm, npx and the like stand between the terminal and us: Ctrl-C reaches us from the terminal, and a moment later
 * once more because they pass it on. What is sent to a process alone, as SIGTERM is, has no echo.
 */
const ECHO_MS = 150;

/**
 * Calls `handle` with 1, 2, 3… each time somebody asks the process to stop. The returned function gives the signals
 * their usual meaning back.
 */
export function onStopRequests(
  environment: Readonly<Record<string, string | undefined>>,
  handle: (count: number) => void,
): () => void {
  const throughNpm = environment.npm_lifecycle_event !== undefined;
  let count = 0;
  let terminal = -Infinity;
  let direct = -Infinity;
  const listener = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    const isDirect = signal === 'SIGTERM';
    // Two that are there at once are taken in either order, so the echo may be first.
    const isEcho = throughNpm && now - Math.max(terminal, isDirect ? -Infinity : direct) < ECHO_MS;
    if (isDirect) direct = now;
    else terminal = now;
    if (!isEcho) handle(++count);
  };
  for (const signal of STOPPING) process.on(signal, listener);
  return () => {
    for (const signal of STOPPING) process.off(signal, listener);
  };
}
