import type { Command } from 'commander';
import type { CliHost } from './cli-host.ts';
import type { ExitCode } from './exit-codes.ts';

/** What the definition of a command gets. */
export interface CommandContext {
  readonly host: CliHost;
  /** Told by the action: what the process exits with. */
  readonly end: (code: ExitCode) => void;
  /** The program with all of its commands, for what is made of them. */
  readonly wholeProgram: () => Promise<Command>;
}

/** Gives a command its arguments, options, subcommands, help and action. */
export type DefineCommand = (command: Command, context: CommandContext) => void;
