import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../kernel/clock.ts';
import { withoutCommandsOnStdout } from './quiet-stdout.ts';
import type { HashFiles } from './step-frame.ts';

/** GitHub's limit. */
const HASH_TIMEOUT_MS = 120_000;
const FOLLOW_SYMBOLIC_LINKS = '--follow-symbolic-links';

/**
 * `hashFiles()` as runner-behaviour 2.13 has it: patterns relative to the workspace; SHA-256 over the SHA-256 of each
 * file in the order of the globber; files outside of the workspace and folders are left out; empty without a match.
 * Rejects with a sentence for a pattern that cannot be, and when it takes too long.
 */
export function createHashFiles({ workspace, clock }: { workspace: string; clock: Clock }): HashFiles {
  return async (args) => {
    const [first = '', ...rest] = args;
    const follow = first.toLowerCase() === FOLLOW_SYMBOLIC_LINKS;
    if (first.startsWith('--') && !follow)
      throw new Error(`the option '${first}' is not known, only '${FOLLOW_SYMBOLIC_LINKS}' is`);
    const patterns = (follow ? rest : args)
      .flatMap((arg) => arg.split(/\r?\n/))
      .map((line) => inWorkspace(line, workspace));
    const due = clock.monotonic() + HASH_TIMEOUT_MS;
    return withoutCommandsOnStdout(() => hash(patterns.join('\n'), follow, workspace, () => clock.monotonic() > due));
  };
}

async function hash(
  patterns: string,
  followSymbolicLinks: boolean,
  workspace: string,
  isLate: () => boolean,
): Promise<string> {
  // Most jobs hash nothing, and the package brings an HTTP client along.
  const { create } = await import('@actions/glob');
  const globber = await create(patterns, { followSymbolicLinks });
  const total = createHash('sha256');
  let matched = false;
  for await (const file of globber.globGenerator()) {
    if (isLate()) throw new Error(`it took longer than ${HASH_TIMEOUT_MS / 1_000} seconds`);
    if (!file.startsWith(workspace + sep) || (await stat(file)).isDirectory()) continue;
    const one = createHash('sha256');
    await pipeline(createReadStream(file), one);
    total.update(one.digest());
    matched = true;
  }
  return matched ? total.digest('hex') : '';
}

/**
 * The globber takes relative patterns from the folder of the process, which runs several jobs; GitHub's runner starts a
 * process in the workspace for it.
 */
function inWorkspace(line: string, workspace: string): string {
  const pattern = line.trim();
  const negated = /^!*/.exec(pattern)?.[0] ?? '';
  const path = pattern.slice(negated.length).trim();
  if (path === '' || path.startsWith('#') || path.startsWith('~') || isAbsolute(path)) return pattern;
  const relative = path === '.' ? '' : path.replace(/^\.[/\\]+/, '');
  return `${negated}${escapeGlob(workspace)}${sep}${relative}`;
}

/** As the globber escapes its own root. */
function escapeGlob(path: string): string {
  const escaped = process.platform === 'win32' ? path : path.replaceAll('\\', '\\\\');
  return escaped
    .replaceAll(/\[(?=[^/]+\])/g, '[[]')
    .replaceAll('?', '[?]')
    .replaceAll('*', '[*]');
}
