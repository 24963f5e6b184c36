// Bundles the soak or the simulation out of the tests, so that Node.js 20 runs it as it is, and starts it.
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) {
  console.log(
    'usage: scripts/soak (--minutes N | --seeds N) [--seed S] [--database postgres://…] [--agents N] [--slots N]',
  );
  process.exit(0);
}
const entry = args.includes('--seeds') ? 'test/simulation/simulation-main.ts' : 'test/faults/soak-main.ts';
// Below the packages, which the bundle finds from there.
const folder = await mkdtemp(join(root, 'node_modules', '.paceline-soak-'));
try {
  const outfile = join(folder, 'soak.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'warning',
  });
  const child = spawn(process.execPath, [outfile, ...args], {
    stdio: 'inherit',
    env: { ...process.env, PACELINE_CLI: join(root, 'dist/paceline.js') },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
