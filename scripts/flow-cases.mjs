// Bundles the runner of flow cases out of the tests, so that Node.js 20 runs it as it is, and starts it.
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Below the packages, which the bundle finds from there.
const folder = await mkdtemp(join(root, 'node_modules', '.paceline-flow-cases-'));
try {
  const outfile = join(folder, 'flow-cases.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/flow-cases/main.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'warning',
  });
  const child = spawn(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
