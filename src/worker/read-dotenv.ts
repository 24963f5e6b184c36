import { readFile } from 'node:fs/promises';
import { parseDotenv } from './parse-dotenv.ts';

/**
 * The variables of the configured `envFile`; none without one.
 * @throws what the file system says; the message names the file.
 */
export async function readDotenv(path: string | null): Promise<ReadonlyMap<string, string | null>> {
  if (path === null) return new Map();
  try {
    return parseDotenv(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`The configured envFile cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
