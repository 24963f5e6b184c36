import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeTree } from '../kernel/remove-tree.ts';
import { createProcessHost } from '../process/process-host.ts';
import type { ProcessHost } from '../process/running-process.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import { eventPath } from './job-contexts.ts';
import type { WorkerHost } from './worker-host.ts';

export interface OpenResources {
  /** `RUNNER_TEMP`: of this job alone, mode 0700. */
  readonly tempDirectory: string;
  readonly processes: ProcessHost;
}

/** What a job has of the machine: its temporary folder and its processes. Whatever was had is given back. */
export class JobResources {
  readonly #host: WorkerHost;
  #tempDirectory: string | null = null;
  #processes: ProcessHost | null = null;

  constructor(host: WorkerHost) {
    this.#host = host;
  }

  /** Once. */
  async open(event: JsonMap): Promise<OpenResources | { readonly problem: string }> {
    const { jobId, clock, config, fifos = null } = this.#host;
    let tempDirectory: string;
    try {
      tempDirectory = await this.#makeDirectory(event);
    } catch (error) {
      // A full disk, a folder that may not be written.
      return { problem: `The temporary folder of the job cannot be had: ${(error as Error).message}.` };
    }
    const processes = await createProcessHost({
      jobId,
      tempDirectory,
      clock,
      cgroups: config.cgroups === 'auto',
      oomScoreAdj: config.oomScoreAdj,
      fifos,
    });
    this.#processes = processes;
    return { tempDirectory, processes };
  }

  async #makeDirectory(event: JsonMap): Promise<string> {
    // Its mode is 0700 whatever the umask. Short, as sockets below it have some hundred characters for their path.
    const directory = await mkdtemp(join(this.#host.tempRoot, 'job-'));
    this.#tempDirectory = directory;
    const file = eventPath(directory);
    mkdirSync(dirname(file));
    writeFileSync(file, JSON.stringify(event));
    return directory;
  }

  /** Ends what the steps left running. */
  async endLeftovers(): Promise<readonly { readonly pid: number; readonly name: string }[]> {
    return (await this.#processes?.endLeftovers()) ?? [];
  }

  /** Call after {@link endLeftovers}. @throws what the file system says when something cannot be removed. */
  async close(): Promise<void> {
    await this.#processes?.dispose();
    if (this.#tempDirectory !== null) await removeTree(this.#tempDirectory);
  }
}
