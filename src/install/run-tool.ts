import { spawn } from 'node:child_process';

export interface ToolResult {
  /** Null: the program is not on this machine. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the system to its end, however long that takes. Its output is short. */
export type RunTool = (command: string, args: readonly string[]) => Promise<ToolResult>;

export function toolRunner(environment: Readonly<Record<string, string | undefined>>): RunTool {
  return (command, args) =>
    new Promise((resolve, reject) => {
      const env = { ...environment, LC_ALL: 'C', SYSTEMD_PAGER: '' };
      const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') resolve({ code: null, stdout, stderr });
        else reject(error);
      });
      child.once('close', (code) => resolve({ code: code ?? KILLED, stdout, stderr }));
    });
}

/** As a shell tells of a program that a signal ended. */
const KILLED = 128;

/** What a version of this program answers from before there was the command. */
export function isUnknownCommand(stderr: string): boolean {
  return stderr.includes('unknown command');
}
