import type { ApiError } from '../protocol/api-error.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** Ends a command with one sentence for the person and an exit code that says of what kind it is. */
export class CommandProblem extends Error {
  override readonly name = 'CommandProblem';
  readonly exitCode: ExitCode;
  /** What the server answered with; null: it was none. */
  readonly error: ApiError | null;

  constructor(exitCode: ExitCode, message: string, error: ApiError | null = null) {
    super(message);
    this.exitCode = exitCode;
    this.error = error;
  }
}

/**
 * What the person is told and the exit code, for an error that is about what they asked for; null for a fault of ours.
 * By name: commands are bundled apart, and each bundle has its own classes.
 */
export function problemOf(error: unknown): { sentence: string; exitCode: ExitCode } | null {
  if (!(error instanceof Error)) return null;
  if (error.name === 'UsageError') return { sentence: error.message, exitCode: EXIT.usage };
  if (error.name !== 'CommandProblem' || !('exitCode' in error)) return null;
  return { sentence: error.message, exitCode: error.exitCode as ExitCode };
}
