import { readFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { UsageError } from '../local/usage-error.ts';
import type { Diagnostic } from '../protocol/diagnostic.ts';
import { formatAsJson, formatForPeople } from '../workflow/format-diagnostics.ts';
import { formatAsSarif } from '../workflow/format-sarif.ts';
import { parseAction } from '../workflow/parse-action.ts';
import { parseWorkflow } from '../workflow/parse-workflow.ts';
import type { CliHost } from './cli-host.ts';
import { wantsColour } from './colour-choice.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { findWorkflowFiles } from './find-workflow-files.ts';

/** The flags of `paceline lint`, as the command line's parser gives them. */
export interface LintFlags {
  readonly format: string;
  readonly json?: boolean;
  readonly color: boolean;
}

/** Checks files and prints what is wrong: for people to standard error, for programs to standard output. */
export function lintCommand(paths: readonly string[], flags: LintFlags, host: CliHost): ExitCode {
  const format = flags.json === true ? 'json' : flags.format;
  const files = once(
    paths.flatMap((path) => named(path, host.directory)),
    host.directory,
  );
  const sources = new Map<string, string>();
  const diagnostics = files.flatMap((file) => {
    const bytes = read(resolve(host.directory, file), file);
    const found = check(bytes, file);
    if (found.length > 0) sources.set(file, bytes.toString());
    return found;
  });
  if (format === 'json') host.stdout.write(formatAsJson(diagnostics));
  else if (format === 'sarif') host.stdout.write(formatAsSarif(diagnostics, host.version));
  else {
    const { environment, stdout, stderr } = host;
    const colour = wantsColour({ option: flags.color, environment, isTTY: stderr.isTTY });
    stderr.write(formatForPeople(diagnostics, sources, { colour }));
    stdout.write(`${verdict(files.length, diagnostics)}\n`);
  }
  return diagnostics.some(({ severity }) => severity === 'error') ? EXIT.usage : EXIT.success;
}

/** Files as the user would name them: relative to where the command was given, as the path itself was. */
function named(path: string, directory: string): readonly string[] {
  const absolute = resolve(directory, path);
  const files = findWorkflowFiles(absolute);
  if (files.length === 0) throw new UsageError(`There is no workflow in '${path}' nor in its .github/workflows.`);
  return files.map((file) => (file === absolute ? path : join(path, relative(absolute, file))));
}

/** A file that is given in two ways is checked once, by its first name. */
function once(files: readonly string[], directory: string): readonly string[] {
  const byPath = new Map<string, string>();
  for (const file of files) {
    const path = resolve(directory, file);
    if (!byPath.has(path)) byPath.set(path, file);
  }
  return [...byPath.values()];
}

function read(path: string, shown: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`'${shown}' cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

function check(bytes: Buffer, file: string): readonly Diagnostic[] {
  const isAction = /^action\.ya?ml$/i.test(basename(file));
  return (isAction ? parseAction(bytes, file) : parseWorkflow(bytes, file)).diagnostics;
}

function verdict(files: number, diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const counts = [counted(errors, 'error'), counted(warnings, 'warning')].filter((text) => !text.startsWith('0 '));
  return `${counted(files, 'file')} checked: ${counts.join(', ') || 'no problems'}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
