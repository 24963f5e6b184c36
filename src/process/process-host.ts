import type { Clock } from '../kernel/clock.ts';
import { FifoPool } from './fifo-pool.ts';
import { HostedProcess, type Premises } from './hosted-process.ts';
import { ProcTrees } from './proc-trees.ts';
import type { ProcessTrees } from './process-tree.ts';
import { readProcess } from './process-table.ts';
import type { ProcessHost } from './running-process.ts';
import { walkWithTreeKill, WalkedTrees } from './walked-trees.ts';

export interface ProcessHostOptions {
  /** Unique for ever: it names the job's processes in their environment and its cgroup. Letters, digits, `-`, `_`. */
  readonly jobId: string;
  /** For FIFOs; exists, is ours, and outlives the host. */
  readonly tempDirectory: string;
  readonly clock: Clock;
  /** Use cgroup v2 where it can be written. */
  readonly cgroups: boolean;
  /** Makes the kernel end steps before us when memory runs out; Linux, -1000 to 1000; null leaves it. GitHub's runner: 500. */
  readonly oomScoreAdj: number | null;
  /** How long output may be held open by what a process left behind after it ended; default {@link OUTPUT_WAIT_MS}. */
  readonly outputWaitMs?: number;
  /** Made ahead of time, and ours from now on; default: it begins now. */
  readonly fifos?: FifoPool | null;
  /** Whose means are used; default: this machine's. */
  readonly platform?: NodeJS.Platform;
}

/** As GitHub's runner: five seconds, then the step ends without the rest. */
export const OUTPUT_WAIT_MS = 5_000;

/** See {@link ProcessHost}. Rejects only for a bug: what the machine does not offer is done without. */
export async function createProcessHost(options: ProcessHostOptions): Promise<ProcessHost> {
  const { clock, oomScoreAdj, tempDirectory, outputWaitMs = OUTPUT_WAIT_MS, platform = process.platform } = options;
  const fifos = options.fifos ?? new FifoPool(tempDirectory, platform);
  const trees = treesOf(options, platform);
  const premises: Premises = { clock, oomScoreAdj, outputWaitMs, fifos, trees };
  const started = new Set<HostedProcess>();
  if (options.fifos) await fifos.moveTo(tempDirectory);
  else fifos.prepare();

  return {
    start(spec) {
      const hosted = new HostedProcess(spec, premises);
      started.add(hosted);
      void hosted.exited.then(() => {
        if (hosted.isOver) started.delete(hosted);
      });
      return hosted;
    },
    async endLeftovers() {
      const running = [...started];
      for (const hosted of running) hosted.kill();
      await Promise.all(running.map(({ exited }) => exited));
      return trees.endLeftovers();
    },
    async dispose() {
      for (const hosted of started) hosted.close();
      started.clear();
      trees.dispose();
      await fifos.close();
    },
  };
}

function treesOf({ jobId, cgroups }: ProcessHostOptions, platform: NodeJS.Platform): ProcessTrees {
  // /proc may be missing even on Linux (a bare chroot).
  const self = platform === 'linux' ? readProcess(process.pid) : null;
  if (self) return new ProcTrees(jobId, cgroups, self);
  return new WalkedTrees(platform, walkWithTreeKill);
}
