import { execFile } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildFiles } from './app-files.mjs';
import { manifest, root } from './checkout.mjs';
import { LICENCES_FILE, licencesText } from './licences.mjs';

const run = promisify(execFile);
const OF_THE_CHECKOUT = new Set(['scripts', 'devDependencies', 'allowScripts', 'overrides']);

/** Makes the package of the npm registry in a folder; returns its name. Of dist/ it has the build of now. */
export async function packForNpm(folder) {
  const staging = join(folder, 'npm');
  await mkdir(join(staging, 'dist'), { recursive: true });
  for (const name of manifest.files.filter((file) => file !== 'dist'))
    await cp(join(root, name), join(staging, name), { recursive: true });
  for (const name of await buildFiles({ codeCache: true }))
    await cp(join(root, 'dist', name), join(staging, 'dist', name));
  await writeFile(join(staging, LICENCES_FILE), await licencesText());
  // What is for the checkout alone is not there to be run.
  const entries = Object.entries(manifest).filter(([key]) => !OF_THE_CHECKOUT.has(key));
  const published = { ...Object.fromEntries(entries), files: [...manifest.files, LICENCES_FILE] };
  await writeFile(join(staging, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: staging,
  });
  await rm(staging, { recursive: true });
  return JSON.parse(stdout)[0].filename;
}
