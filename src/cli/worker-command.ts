import { mkdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { bootClock } from '../kernel/boot-clock.ts';
import { systemClock } from '../kernel/clock.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { steadyClock } from '../kernel/steady-clock.ts';
import { FifoPool } from '../process/fifo-pool.ts';
import { identityOf } from '../process/process-identity.ts';
import type { WorkerOrder } from '../protocol/worker-link.ts';
import { maskerOf } from '../worker/job-premises.ts';
import { MAX_ORDER_BYTES, readOrder } from '../worker/read-order.ts';
import { rehearse } from '../worker/rehearse.ts';
import { serveAttempt, type WorkerIo } from '../worker/serve-attempt.ts';
import type { CliHost } from './cli-host.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { failpointOf } from './failpoint-of.ts';
import { inheritedEnvironment } from './inherited-environment.ts';

/** Where an agent writes the order. */
const ORDER_DESCRIPTOR = 3;

/**
 * Waits for the order of an agent and runs its job. An agent that ends without an order does not need the worker any
 * more. Exit code 0: the journal has it all.
 */
export async function workerCommand(host: CliHost, ahead: string | null): Promise<ExitCode> {
  // Of a terminal that the agent may have been started from.
  process.on('SIGHUP', () => undefined);
  const io: WorkerIo = {
    identity: identityOf(process.pid) ?? String(process.pid),
    clock: systemClock,
    version: host.version,
    node: { path: process.execPath, version: process.versions.node },
    platform: process.platform,
    arch: process.arch,
    environment: inheritedEnvironment(host.environment),
    onStopRequest,
    failpoint: failpointOf(host),
  };
  const ready = ahead === null ? null : makeReady(ahead, io);
  try {
    const text = await readDescriptor(ORDER_DESCRIPTOR);
    if (text === '') return EXIT.success;
    // The job's own: it begins with the right time, and no step lasts an hour because somebody sets the machine's clock.
    const clock = steadyClock(bootClock());
    return await serve(host, readOrder(text), { ...io, clock, fifos: ready?.fifos ?? null });
  } finally {
    await ready?.over();
  }
}

/** Before there is an order: a job is rehearsed, and what it needs of the system in any case is had. */
function makeReady(folder: string, io: WorkerIo): { readonly fifos: FifoPool; over(): Promise<void> } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fifos = new FifoPool(folder, process.platform);
  fifos.prepare();
  const rehearsed = rehearse(join(folder, 'rehearsal'), io);
  return {
    fifos,
    over: async () => {
      await Promise.all([rehearsed, fifos.close()]);
      await removeTree(folder);
    },
  };
}

async function serve(host: CliHost, order: WorkerOrder, io: WorkerIo): Promise<ExitCode> {
  try {
    await serveAttempt(order, io);
    return EXIT.success;
  } catch (error) {
    // It goes to a file of the attempt, which must not hold a secret.
    const { stack, message } = error as Error;
    host.stderr.write(`${maskerOf(order.message).mask(stack ?? message)}\n`);
    return EXIT.internal;
  }
}

/** Reads to the end and closes it, so that no step gets it. */
function readDescriptor(fd: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const blocks: Buffer[] = [];
    let bytes = 0;
    const socket = new Socket({ fd, readable: true, writable: false });
    socket.on('data', (block: Buffer) => {
      blocks.push(block);
      bytes += block.length;
      if (bytes > MAX_ORDER_BYTES) socket.destroy(new Error(`The order has more than ${MAX_ORDER_BYTES} bytes.`));
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(blocks).toString()));
  });
}

const STOPPING = ['SIGTERM', 'SIGINT'] as const;

function onStopRequest(handle: (count: number) => void): () => void {
  let count = 0;
  const listener = (): void => handle(++count);
  for (const signal of STOPPING) process.on(signal, listener);
  return () => {
    for (const signal of STOPPING) process.off(signal, listener);
  };
}
