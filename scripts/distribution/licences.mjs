import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './checkout.mjs';

export const LICENCES_FILE = 'THIRD-PARTY-LICENSES';

/** The licences of the packages that the bundles are made of, as these ask for it: one text, in the order of their names. */
export async function licencesText() {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const ours = Object.entries(packages)
    // What is optional is machine code for one platform or another, of a package that is in the list.
    .filter(([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional)
    .filter(([path]) => existsSync(join(root, path)))
    .map(([path, { version, license }]) => ({ path, name: path.split('node_modules/').at(-1), version, license }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
  const parts = [];
  for (const { path, name, version, license } of ours) {
    const file = (await readdir(join(root, path))).find((entry) => /^licen[cs]e(?:\.|$|-mit)/i.test(entry));
    const text = file === undefined ? `Licence: ${license}` : (await readFile(join(root, path, file), 'utf8')).trim();
    parts.push(`${name} ${version}\n${'-'.repeat(60)}\n${text}\n`);
  }
  return `What Paceline is made of, beside its own code.\n\n${parts.join('\n\n')}`;
}
