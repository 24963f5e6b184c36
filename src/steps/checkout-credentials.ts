import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { authorization } from '../kernel/git-environment.ts';
import type { Git } from './checkout-git.ts';
import type { CheckoutRequest } from './checkout-request.ts';
import { originOf, type RepositoryAccess } from './checkout-run-repository.ts';

/**
 * Lets later steps fetch and push, as actions/checkout does since version 6: the credential is in a file of the job's
 * temporary folder, which goes with the job, and the clone's own configuration has the name of that file only.
 */
export async function persistCredentials(
  git: Git,
  { url, token, user }: RepositoryAccess,
  { persistCredentials: wanted, submodules }: CheckoutRequest,
  tempDirectory: string,
): Promise<void> {
  const origin = originOf(url);
  if (!wanted || token === null || token === '' || origin === '') {
    await git.ask('config', '--local', '--unset-all', 'include.path', FILE_PATTERN);
    return;
  }
  const file = join(tempDirectory, `${FILE_PREFIX}${randomUUID()}.config`);
  const text = `[http "${origin}/"]\n\textraheader = ${authorization(token, user)}\n`;
  await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  const command = ['config', '--local', '--replace-all', 'include.path', file, FILE_PATTERN];
  await git.ask(...command);
  if (submodules === 'none') return;
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const depth = submodules === 'recursive' ? ['--recursive'] : [];
  await git.ask('submodule', 'foreach', '--quiet', ...depth, `git ${quoted}`);
}

const FILE_PREFIX = 'git-credentials-';
/** Of an earlier job as well, whose file is gone. */
const FILE_PATTERN = '/git-credentials-[0-9a-f-]+[.]config$';
