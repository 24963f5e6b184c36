import { dirname, join } from 'node:path';

/**
 * The file that a thread of the server is started with: beside the bundle, under a name that the build chose. There is
 * none without a build, which is why a server is started from the built command line.
 */
export function threadFile(name: 'store' | 'search'): string {
  const names = JSON.parse(process.env.PACELINE_THREADS ?? '{}') as Readonly<Record<string, string>>;
  const file = names[name];
  if (file === undefined) throw new Error(`the build has no file for the thread '${name}'`);
  return join(dirname(import.meta.filename), file);
}
