import { execFile } from 'node:child_process';

const OUTPUT_BYTES = 64 * 1024;

/** What a command printed to standard output; null when it did not end well, or is not there. */
export function commandOutput(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { env: { ...environment }, signal, maxBuffer: OUTPUT_BYTES, killSignal: 'SIGKILL' } as const;
    execFile(command, [...args], options, (error, stdout) => resolve(error === null ? stdout.trim() : null));
  });
}
