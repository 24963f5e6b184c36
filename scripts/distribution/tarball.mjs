import { execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { root } from './checkout.mjs';
import { Problem } from './problem.mjs';

const run = promisify(execFile);

/** Packs a folder under its own name; the same contents give the same bytes. Needs GNU tar. */
export async function packTarball(folder, tarball) {
  const { stdout } = await run('tar', ['--version']);
  if (!stdout.includes('GNU tar')) throw new Problem('Packages are made with GNU tar, which `tar` is not here.');
  const tar = spawn(
    'tar',
    [
      ...[
        '--sort=name',
        `--mtime=@${await timeOfSource()}`,
        '--owner=0',
        '--group=0',
        '--numeric-owner',
        '--format=ustar',
      ],
      ...['--mode=u+rwX,go+rX,go-w', '-cf', '-', '-C', dirname(folder), basename(folder)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve, reject) => tar.once('error', reject).once('close', resolve));
  await pipeline(tar.stdout, createGzip({ level: 9 }), createWriteStream(tarball));
  const code = await ended;
  if (code !== 0) throw new Error(`tar ended with ${code}`);
}

/** Seconds since the epoch: SOURCE_DATE_EPOCH, as reproducible builds have it, else the time of the last commit. */
async function timeOfSource() {
  if (process.env.SOURCE_DATE_EPOCH) return process.env.SOURCE_DATE_EPOCH;
  try {
    return (await run('git', ['log', '-1', '--format=%ct'], { cwd: root })).stdout.trim() || '0';
  } catch {
    // No checkout of git, such as an archive of the sources.
    return '0';
  }
}
