import { readFile } from 'node:fs/promises';
import type { JsonMap } from '../protocol/job-message.ts';
import { UsageError } from './usage-error.ts';

/** The payload of an event from a file. Throws a {@link UsageError} when it is not a JSON object. */
export async function readPayload(path: string): Promise<JsonMap> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--event-path cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--event-path ${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  if (typeof payload === 'object' && payload !== null && !Array.isArray(payload)) return payload as JsonMap;
  throw new UsageError(`--event-path ${path} does not hold a JSON object.`);
}
