import type { TextOutput } from '../local/text-output.ts';

/** What a command gets of the process it runs in, so that `main.ts` alone touches the process. */
export interface CliHost {
  /** Of Paceline. */
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a variable of the process and takes it out, so that nothing that is started gets it. Null: it is not set. */
  takeVariable(name: string): string | null;
  readonly directory: string;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** What starts this command line again: a program and its first arguments. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
  /** All of standard input, as text. */
  readStdin(): Promise<string>;
  /** Asks the person; null where nobody sits at a terminal. What is typed is not shown for a `secret`. */
  readonly ask: ((question: string, secret: boolean) => Promise<string>) | null;
  /** Ends the process now, without waiting for anything. */
  exitNow(code: number): never;
}
