import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JsonMap } from '../protocol/job-message.ts';

/**
 * Files that a step gets under the job's temporary folder, each named by the step's key, so that no step reads or
 * changes another's (on GitHub all share one event file, and read it half-written). They go with the folder at the end
 * of the job, as what a step leaves running may still read them.
 *
 * Written synchronously: a file of this size takes 30 µs, which is less than one turn of the thread pool.
 * @throws what the file system says, such as ENOSPC.
 */
export class StepFiles {
  readonly #directory: string;
  readonly #event: JsonMap;
  #eventText: Buffer | null = null;

  constructor(tempDirectory: string, event: JsonMap) {
    this.#directory = tempDirectory;
    this.#event = event;
  }

  /** UTF-8 without a byte order mark; passed to the shell as an argument, so it needs no mode of its own. */
  writeScript(key: string, extension: string, text: string): string {
    const file = join(this.#directory, '_runner_scripts', key + extension);
    write(file, process.platform === 'win32' ? text.replaceAll(/\r?\n/g, '\r\n') : text);
    return file;
  }

  /** `GITHUB_EVENT_PATH`. */
  writeEvent(key: string): string {
    const file = join(this.#directory, '_github_workflow', `event-${key}.json`);
    // Not pretty-printed: events can be large, and who looks at one has jq.
    this.#eventText ??= Buffer.from(JSON.stringify(this.#event));
    write(file, this.#eventText);
    return file;
  }

  get commandsDirectory(): string {
    return join(this.#directory, '_runner_file_commands');
  }
}

/** A step may have removed the folder; that is its own business, the next one gets a new one. */
function write(file: string, content: string | Buffer): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}
