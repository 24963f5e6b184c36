import { readFile, truncate, writeFile } from 'node:fs/promises';
import type { RunnerFolder } from './runner-folder.ts';
import { writeDurably } from '../kernel/write-durably.ts';

/** Those that GitHub's runner takes along. */
const KEPT_VARIABLES = [
  ...['LANG', 'JAVA_HOME', 'ANT_HOME', 'M2_HOME', 'ANDROID_HOME', 'ANDROID_SDK_ROOT', 'GRADLE_HOME', 'NVM_BIN'],
  ...['NVM_PATH', 'LD_LIBRARY_PATH', 'PERL5LIB'],
];

/** By which the server was reached; those with a password in them are a person's to put anywhere. */
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/** What a person may have written into `.env` is a secret as likely as not. */
const MODE = 0o600;

/**
 * Keeps the PATH and what builds look for, for a service that starts with nothing of it. What is in `.env` already stays
 * as it is.
 */
export async function keepEnvironment(
  folder: RunnerFolder,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const present = await textOf(folder.environment);
  const named = new Set(present.split('\n').map((line) => line.slice(0, Math.max(line.indexOf('='), 0))));
  const lines = [...KEPT_VARIABLES, ...PROXY_VARIABLES].flatMap((name) => {
    const value = environment[name];
    if (PROXY_VARIABLES.includes(name) && value?.includes('@')) return [];
    return value && !value.includes('\n') && !named.has(name) ? [`${name}=${value}\n`] : [];
  });
  const text = present === '' || present.endsWith('\n') ? present : `${present}\n`;
  await write(folder.environment, `${text}${lines.join('')}`);
  if (environment.PATH) await write(folder.path, `${environment.PATH}\n`);
}

/** Where root has the folder, its account may write to what there is and make nothing. */
async function write(path: string, text: string): Promise<void> {
  try {
    await writeDurably(path, text, MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    await writeFile(path, text, { flag: 'r+', flush: true }).catch(() => {
      throw error;
    });
    await truncate(path, Buffer.byteLength(text));
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
