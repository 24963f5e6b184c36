import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WORKFLOW = 'on: push\njobs: { warm: { runs-on: any, steps: [ { run: ":" } ] } }\n';

/**
 * Makes `CORE.cache` of `CORE.js`: what V8 has compiled by the end of a run of one step, so that such a run compiles
 * nothing. Without it (the run failed badly) the command line works all the same.
 */
export async function writeCodeCache(directory, core) {
  const workspace = join(directory, 'warm-up');
  await mkdir(workspace);
  try {
    await writeFile(join(workspace, 'w.yml'), WORKFLOW);
    const recorder = fileURLToPath(new URL('record-code-cache.cjs', import.meta.url));
    const { status } = spawnSync(process.execPath, [recorder, join(directory, core), 'run', 'w.yml'], {
      cwd: workspace,
      env: { PATH: process.env.PATH, HOME: workspace, TMPDIR: workspace },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) console.error(`the code cache was made by a run that ended with ${status}`);
  } finally {
    await rm(workspace, { recursive: true });
  }
}
