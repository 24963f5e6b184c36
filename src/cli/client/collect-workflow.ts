import { readFileSync, realpathSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { UsageError } from '../../local/usage-error.ts';
import type { Diagnostic } from '../../protocol/diagnostic.ts';
import type { SubmitRequest } from '../../protocol/run-api.ts';
import { allJobs } from '../../workflow/all-jobs.ts';
import { parseWorkflow } from '../../workflow/parse-workflow.ts';

export interface CollectedWorkflow {
  /** Null when a file has an error. */
  readonly workflow: NonNullable<SubmitRequest['workflow']> | null;
  readonly diagnostics: readonly Diagnostic[];
  /** The text of each file by the name that diagnostics have, for showing the lines. */
  readonly sources: ReadonlyMap<string, string>;
  /** What the server calls the first file, to what the person calls it. */
  readonly path: string;
}

/** As many as the server takes. */
const MAX_FILES = 50;

/**
 * A workflow and the local workflows that it calls, read from `root`, with what is wrong with each. A called workflow
 * that is not there is left to the server: it may be in the repository.
 */
export function collectWorkflow(file: string, shown: string, root: string): CollectedWorkflow {
  const text = read(file, shown);
  const path = pathIn(root, file);
  const diagnostics: Diagnostic[] = [];
  const sources = new Map<string, string>();
  const files: Record<string, string> = {};
  const waiting = callsOf(Buffer.from(text), shown, diagnostics, sources);
  for (let uses = waiting.shift(); uses !== undefined; uses = waiting.shift()) {
    if (Object.hasOwn(files, uses) || Object.keys(files).length >= MAX_FILES) continue;
    const called = tryRead(join(root, uses));
    if (called === null) continue;
    files[uses] = called;
    waiting.push(...callsOf(Buffer.from(called), uses.slice('./'.length), diagnostics, sources));
  }
  const broken = diagnostics.some(({ severity }) => severity === 'error');
  return { workflow: broken ? null : { path, text, files }, diagnostics, sources, path };
}

/** With slashes, below the root; a file from elsewhere is called as if it stood with the other workflows. */
function pathIn(root: string, file: string): string {
  const below = relative(realpathSync(root), realpathSync(file));
  if (below.startsWith('..') || isAbsolute(below)) return `.github/workflows/${basename(file)}`;
  return below.split(sep).join('/');
}

function callsOf(bytes: Buffer, shown: string, diagnostics: Diagnostic[], sources: Map<string, string>): string[] {
  const { plan, diagnostics: found } = parseWorkflow(bytes, shown);
  diagnostics.push(...found);
  sources.set(shown, bytes.toString());
  return (plan ? allJobs(plan) : []).flatMap((job) =>
    job.kind === 'call' && job.uses.startsWith('./') ? [job.uses] : [],
  );
}

function read(file: string, shown: string): string {
  try {
    return readFileSync(resolve(file), 'utf8');
  } catch (error) {
    throw new UsageError(`'${shown}' cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

function tryRead(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The server says so, if it does not find it either.
    return null;
  }
}
