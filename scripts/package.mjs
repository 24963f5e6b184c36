// Makes what is handed out of the build: a tarball for each platform, the npm package, and SHA256SUMS of them all.
import { parseArgs } from 'node:util';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { hashOf, version } from './distribution/checkout.mjs';
import { layOut } from './distribution/lay-out.mjs';
import { packForNpm } from './distribution/npm-package.mjs';
import { checkPlatform, PLATFORMS, thisPlatform } from './distribution/platforms.mjs';
import { endWithSentence } from './distribution/problem.mjs';
import { packTarball } from './distribution/tarball.mjs';

const USAGE = `usage: scripts/package [--platform PLATFORM,…] [--node PATH | --no-node] [--out DIR]

  --platform LIST   of ${PLATFORMS.join(', ')}; or all (default: this machine's)
  --node PATH       the Node.js that comes along (default: the pinned one of each platform, from the npm registry)
  --no-node         none: the runner takes the Node.js of the PATH
  --out DIR         (default: packages)

example: scripts/package --platform linux-x64,linux-arm64
`;

try {
  const { values } = parseArgs({
    options: {
      platform: { type: 'string', default: thisPlatform() },
      node: { type: 'string' },
      'no-node': { type: 'boolean', default: false },
      out: { type: 'string', default: 'packages' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) process.stdout.write(USAGE);
  else {
    const platforms = values.platform === 'all' ? PLATFORMS : values.platform.split(',');
    platforms.forEach(checkPlatform);
    const node = values['no-node']
      ? { kind: 'none' }
      : values.node
        ? { kind: 'file', path: values.node }
        : { kind: 'pinned' };
    await makePackages(platforms, node, resolve(values.out));
  }
} catch (error) {
  endWithSentence('scripts/package', error);
}

/** What is in `out` under these names is replaced, each when it is whole. */
async function makePackages(platforms, node, out) {
  await mkdir(out, { recursive: true });
  const staging = await mkdtemp(join(out, '.staging-'));
  try {
    const names = [];
    for (const platform of platforms) {
      const name = `paceline-runner-${version}-${platform}`;
      await layOut({ out: join(staging, name), platform, node });
      await packTarball(join(staging, name), join(staging, `${name}.tar.gz`));
      names.push(`${name}.tar.gz`);
    }
    names.push(await packForNpm(staging));
    const sums = [];
    for (const name of names) sums.push(`${await hashOf(join(staging, name))}  ${name}\n`);
    await writeFile(join(staging, 'SHA256SUMS'), sums.join(''));
    for (const name of [...names, 'SHA256SUMS']) {
      await rename(join(staging, name), join(out, name));
      process.stdout.write(`${join(out, name)}\n`);
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
