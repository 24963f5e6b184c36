import type { WorkerOrder } from '../protocol/worker-link.ts';

/** More than any job's order, and too little to fill the memory. */
export const MAX_ORDER_BYTES = 64 * 1024 * 1024;

/**
 * The order of an agent, which is of the same build and has checked what is in it.
 * @throws Error when the text is cut off or is no order; the message has nothing of the text, which holds secrets.
 */
export function readOrder(text: string): WorkerOrder {
  let order: Partial<WorkerOrder> | null;
  try {
    order = JSON.parse(text) as Partial<WorkerOrder> | null;
  } catch {
    // What the parser says would quote it.
    throw new Error(`The order on file descriptor 3 is no JSON, or not all of it (${text.length} characters).`);
  }
  const missing = REQUIRED.filter((key) => order?.[key] === undefined);
  if (missing.length > 0) throw new Error(`The order on file descriptor 3 has no ${missing.join(', ')}.`);
  return order as WorkerOrder;
}

const REQUIRED = [
  'message',
  'jobId',
  'attemptDirectory',
  'workspace',
  'clean',
  'cacheDirectory',
  'tempRoot',
  'socketPath',
  'runnerName',
  'allowActions',
  'config',
  'spoolBytes',
] as const satisfies readonly (keyof WorkerOrder)[];
