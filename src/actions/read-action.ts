import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnostic } from '../protocol/diagnostic.ts';
import type { ActionManifest } from '../workflow/action-manifest.ts';
import { parseAction } from '../workflow/parse-action.ts';

/** In the order in which GitHub's runner looks (runner-behaviour 2.15). */
const MANIFESTS = ['action.yml', 'action.yaml'] as const;
const DOCKERFILES = ['Dockerfile', 'dockerfile'] as const;
/** A manifest with more wrong than this says how many it left out. */
const MAX_PROBLEMS_SHOWN = 10;

/**
 * Reads the manifest of the action in `directory`.
 * @param shown The folder as the user knows it, for messages.
 */
export async function readAction(
  directory: string,
  shown: string,
): Promise<{ kind: 'read'; manifest: ActionManifest } | { kind: 'missing' } | { kind: 'problem'; message: string }> {
  for (const name of MANIFESTS) {
    const source = await readIfThere(join(directory, name));
    if (source === null) continue;
    const { manifest, diagnostics } = parseAction(source, `${shown}/${name}`);
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    if (manifest !== null && errors.length === 0) return { kind: 'read', manifest };
    return { kind: 'problem', message: describeErrors(`${shown}/${name}`, errors) };
  }
  for (const name of DOCKERFILES)
    if (await isFile(join(directory, name))) return { kind: 'read', manifest: dockerManifest(name) };
  return { kind: 'missing' };
}

/** A `docker://` step, or a folder with a Dockerfile only, as if a manifest said so. */
export function dockerManifest(image: string): ActionManifest {
  return { name: null, description: null, inputs: {}, outputs: {}, runs: { using: 'docker', image } };
}

/** Null when there is no such file. @throws what else the file system says. */
async function readIfThere(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  // EISDIR: a folder that happens to be called action.yml is no manifest.
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}

function describeErrors(file: string, errors: readonly Diagnostic[]): string {
  const lines = errors
    .slice(0, MAX_PROBLEMS_SHOWN)
    .map(({ file: at, line, column, message }) => `${at}:${line}:${column}: error: ${message}`);
  const left = errors.length - lines.length;
  return [`The manifest ${file} cannot be used.`, ...lines, ...(left > 0 ? [`… and ${left} more`] : [])].join('\n');
}
