import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../local/usage-error.ts';

const WORKFLOWS = '.github/workflows';

/**
 * The workflow files that a path on the command line stands for: a file itself; of a folder those in `.github/workflows`
 * below it, else those in it. Throws a {@link UsageError} when there is nothing at the path.
 */
export function findWorkflowFiles(path: string): readonly string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new UsageError(`There is no file '${path}'.`);
  if (!found.isDirectory()) return [path];
  const below = yamlFilesIn(join(path, WORKFLOWS));
  return below.length > 0 ? below : yamlFilesIn(path);
}

function yamlFilesIn(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/i.test(name))
    .sort()
    .map((name) => join(folder, name));
}
