import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoadedWorkflows, loadWorkflows } from '../workflow/load-workflows.ts';

/** Where `owner/name/.github/workflows/file.yml@ref` is found on this machine, fetched if need be. */
export type FindRepository = (
  uses: string,
) => Promise<{ readonly kind: 'found'; readonly directory: string } | { readonly kind: 'problem'; message: string }>;

/**
 * Loads a workflow and all that it calls from files. `root` is where `./.github/workflows/…` is looked up. Rejects with
 * the system's error when the first file cannot be read.
 */
export async function loadWorkflowFiles(
  file: { readonly path: string; readonly shown: string },
  root: string,
  findRepository: FindRepository,
): Promise<LoadedWorkflows> {
  return loadWorkflows({ name: file.shown, bytes: await readFile(file.path) }, async ({ uses, remote, path }) => {
    const found = remote === null ? { kind: 'found' as const, directory: root } : await findRepository(uses);
    if (found.kind === 'problem') return found;
    const place = join(found.directory, path);
    const bytes = await readFile(place).catch(() => null);
    if (bytes !== null) return { kind: 'read', bytes };
    return { kind: 'problem', message: `the called workflow '${uses}' is not there: cannot read ${place}` };
  });
}
