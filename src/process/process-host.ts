import type { Clock } from '../kernel/clock.ts';
import { findCgroups, type Cgroups } from './cgroup.ts';
import { FifoPool } from './fifo-pool.ts';
import { HostedProcess } from './hosted-process.ts';
import { killMarked } from './marked-processes.ts';
import type { ProcessHost, ProcessSpec, RunningProcess } from './running-process.ts';
import { treeEnderFor } from './tree-ender.ts';

export interface ProcessHostOptions {
  /** Unique for ever, as it names processes of this job in their environment: letters, digits, `-`. */
  readonly jobId: string;
  /** For FIFOs; exists, is ours, and outlives the host. */
  readonly tempDirectory: string;
  readonly clock: Clock;
  /** Use cgroup v2 where it can be written. */
  readonly cgroups: boolean;
  /** Makes the kernel end steps before us when memory runs out; Linux, -1000 to 1000; null leaves it. */
  readonly oomScoreAdj: number | null;
  /** How long output may be held open by what a process left behind after it ended. */
  readonly outputWaitMs?: number;
}

/** As GitHub's runner: five seconds, then the step ends without the rest. */
export const OUTPUT_WAIT_MS = 5_000;
/** Enough for a burst of background steps; made in one call. */
const FIFO_BATCH = 16;

export async function createProcessHost(options: ProcessHostOptions): Promise<ProcessHost> {
  const fifos = new FifoPool(options.tempDirectory, FIFO_BATCH);
  const cgroups: Cgroups | null = options.cgroups ? findCgroups(`paceline-${options.jobId}`) : null;
  await fifos.prepare();
  const started = new Set<HostedProcess>();
  let count = 0;

  return {
    start(spec: ProcessSpec): RunningProcess {
      const hosted = new HostedProcess(spec, {
        ...{ clock: options.clock, oomScoreAdj: options.oomScoreAdj, fifos },
        leaf: () => cgroups?.leaf(String(count++)) ?? null,
        outputWaitMs: options.outputWaitMs ?? OUTPUT_WAIT_MS,
        tree: treeEnderFor(process.platform),
      });
      started.add(hosted);
      return hosted;
    },
    async endLeftovers() {
      const ended = [];
      for (const hosted of started) ended.push(...(await hosted.endLeftovers()));
      ended.push(...(await killMarked(`paceline_${options.jobId}.`, 'prefix', options.clock)));
      return ended;
    },
    dispose() {
      for (const hosted of started) hosted.dispose();
      started.clear();
      cgroups?.remove();
      return fifos.dispose();
    },
  };
}
