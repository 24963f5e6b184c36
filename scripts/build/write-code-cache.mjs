import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WORKFLOW = 'on: push\njobs: { warm: { runs-on: any, steps: [ { run: ":" } ] } }\n';

/**
 * Makes caches beside the files of a build: what V8 has compiled by the end of a run of one step, and of a question to a
 * server, so that those compile nothing. Without them (a warm-up failed badly) the command line works all the same.
 *
 * @param node whose V8 they are for.
 */
export async function writeCodeCache(directory, launcher, node = process.execPath) {
  const workspace = join(directory, 'warm-up');
  await mkdir(workspace);
  const server = createServer((_request, response) => response.end('{"runs":[],"cursor":null}'));
  try {
    await writeFile(join(workspace, 'w.yml'), WORKFLOW);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = { PACELINE_SERVER: `http://127.0.0.1:${server.address().port}`, PACELINE_TOKEN: 'none' };
    await warmUp(node, join(directory, launcher), ['runs', 'list'], workspace, address);
    await warmUp(node, join(directory, launcher), ['run', 'w.yml'], workspace, {});
  } finally {
    server.close();
    await rm(workspace, { recursive: true });
  }
}

async function warmUp(node, launcher, args, workspace, environment) {
  const recorder = fileURLToPath(new URL('record-code-cache.cjs', import.meta.url));
  const child = spawn(node, [recorder, launcher, ...args], {
    cwd: workspace,
    env: { PATH: process.env.PATH, HOME: workspace, TMPDIR: workspace, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  const [code] = await once(child, 'close');
  if (code !== 0) console.error(`the code cache was made by '${args.join(' ')}', which ended with ${code}: ${errors}`);
}
