import { open, stat } from 'node:fs/promises';
import { findCommand } from './find-command.ts';
import type { ProcessSpec } from './running-process.ts';

/**
 * One sentence about why a process could not be started, naming the thing. The system's own error is not enough: a
 * missing working directory, a missing command and a script with a missing interpreter are all ENOENT to it. Values of
 * arguments and variables are never part of it, since they may be secret.
 */
export async function describeStartProblem(spec: ProcessSpec, code: string): Promise<string> {
  return withNul(spec) ?? (await directoryProblem(spec.cwd)) ?? (await commandProblem(spec, code));
}

function withNul({ command, args, cwd, env }: ProcessSpec): string | null {
  const has = (text: string): boolean => text.includes('\0');
  if (has(command)) return 'The name of the command contains a NUL character.';
  if (has(cwd)) return 'The name of the working directory contains a NUL character.';
  const argument = args.findIndex(has);
  if (argument >= 0) return `Argument ${argument + 1} of '${command}' contains a NUL character.`;
  const variable = Object.entries(env).find(([name, value]) => has(name) || has(value));
  return variable ? `The value of the variable '${variable[0]}' contains a NUL character.` : null;
}

async function directoryProblem(cwd: string): Promise<string | null> {
  try {
    // With the slash, a folder that may not be entered is refused here as it was for the process.
    if (!(await stat(cwd)).isDirectory()) return `The working directory '${cwd}' is not a directory.`;
    await stat(`${cwd}/.`);
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return `The working directory '${cwd}' does not exist.`;
    if (code === 'ENOTDIR') return `The working directory '${cwd}' lies below something that is not a directory.`;
    return `The working directory '${cwd}' cannot be entered (${code ?? 'unknown reason'}).`;
  }
}

async function commandProblem(spec: ProcessSpec, code: string): Promise<string> {
  const { command, env, cwd } = spec;
  switch (code) {
    case 'ENOENT':
      return missing(command, await findCommand(command, env.PATH ?? '', cwd));
    case 'EACCES':
      // Also what the system says when it found nothing and was not let into some folder of PATH.
      if (!command.includes('/')) return missing(command, await findCommand(command, env.PATH ?? '', cwd));
      return `'${command}' cannot be run: it is not an executable file that this user may run (EACCES).`;
    case 'E2BIG':
      return tooBig(spec);
    case 'ENOEXEC':
      return `'${command}' cannot be run: it is neither a program for this machine nor a script (ENOEXEC).`;
    case 'EAGAIN':
    case 'ENOMEM':
    case 'EMFILE':
    case 'ENFILE':
      return `'${command}' could not be started: the system has no room for another process or file (${code}).`;
    default:
      return `'${command}' could not be started (${code}).`;
  }
}

async function missing(command: string, found: string | null): Promise<string> {
  if (found !== null) {
    const interpreter = await interpreterOf(found);
    const what =
      interpreter === null ? 'the interpreter or loader that it asks for' : `its interpreter '${interpreter}'`;
    return `'${found}' cannot be run: ${what} does not exist.`;
  }
  return command.includes('/')
    ? `The command '${command}' does not exist.`
    : `The command '${command}' was not found in PATH.`;
}

/** Linux reads no more than this of a script's first line. */
const FIRST_LINE_BYTES = 256;

async function interpreterOf(path: string): Promise<string | null> {
  let file;
  try {
    file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0);
    return /^#![ \t]*([^ \t\n]+)/.exec(buffer.toString('latin1', 0, bytesRead))?.[1] ?? null;
  } catch {
    // It may be run but not read: then nothing more can be said.
    return null;
  } finally {
    await file?.close();
  }
}

/** Linux's limit for one argument, and for one variable with its name (MAX_ARG_STRLEN). */
const MAX_STRING_BYTES = 131_072;

function tooBig({ command, args, env }: ProcessSpec): string {
  const things = [
    ...args.map((argument, index) => ({ name: `argument ${index + 1}`, bytes: Buffer.byteLength(argument) + 1 })),
    ...Object.entries(env).map(([name, value]) => ({
      name: `the variable '${name}'`,
      bytes: Buffer.byteLength(name) + Buffer.byteLength(value) + 2,
    })),
  ];
  const total = things.reduce((sum, { bytes }) => sum + bytes, 0);
  const largest = things.reduce((a, b) => (b.bytes > a.bytes ? b : a), { name: 'nothing', bytes: 0 });
  const limit = largest.bytes > MAX_STRING_BYTES ? `; one may have ${MAX_STRING_BYTES}` : '';
  return (
    `'${command}' could not be started: its arguments and environment are larger than the system allows ` +
    `(${total} bytes; the largest is ${largest.name} with ${largest.bytes}${limit}).`
  );
}
