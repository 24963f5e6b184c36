import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../../local/usage-error.ts';
import type { CliHost } from '../cli-host.ts';

/** The text of a file, of standard input for `-`, without the line break at its end. Never of an argument. */
export async function readSecretText(file: string, option: string, host: CliHost): Promise<string> {
  const text = file === '-' ? await host.readStdin() : readFile(resolve(host.directory, file), option);
  const value = text.replace(/\r?\n$/, '');
  if (value === '')
    throw new UsageError(`${option}: there is nothing ${file === '-' ? 'on standard input' : `in '${file}'`}.`);
  return value;
}

function readFile(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${option} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
