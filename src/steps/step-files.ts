import { join } from 'node:path';
import type { JsonMap } from '../protocol/job-message.ts';
import { openFileCommands, type FileCommands } from './file-commands.ts';
import { FilePool } from './file-pool.ts';

/** The files of one step, each named by its key. */
export interface FilesOfStep {
  readonly commands: FileCommands;
  /** `GITHUB_EVENT_PATH` */
  readonly event: string;
}

/**
 * Files that steps get under the job's temporary folder. No step reads or changes another's: on GitHub all share one
 * event file, and read it half-written. What a step leaves running may go on reading them, so they are removed with the
 * folder, at the end of the job.
 * @throws what the file system says, such as ENOSPC.
 */
export class StepFiles {
  readonly #directory: string;
  readonly #event: JsonMap;
  readonly #pool = new FilePool();
  #eventText: Buffer | null = null;

  constructor(tempDirectory: string, event: JsonMap) {
    this.#directory = tempDirectory;
    this.#event = event;
  }

  /** UTF-8 without a byte order mark; passed to the shell as an argument, so it needs no mode of its own. */
  writeScript(key: string, extension: string, text: string): string {
    const file = join(this.#directory, '_runner_scripts', key + extension);
    this.#pool.write(file, process.platform === 'win32' ? text.replaceAll(/\r?\n/g, '\r\n') : text);
    return file;
  }

  async open(key: string): Promise<FilesOfStep> {
    const event = join(this.#directory, '_github_workflow', `event-${key}.json`);
    // Not pretty-printed: events can be large, and who looks at one has jq.
    this.#eventText ??= Buffer.from(JSON.stringify(this.#event));
    this.#pool.write(event, this.#eventText);
    const directory = join(this.#directory, '_runner_file_commands');
    return { commands: await openFileCommands(directory, key, (path) => this.#pool.write(path, '')), event };
  }

  /** When they have been read and nothing of the step lives. */
  giveBack({ commands, event }: FilesOfStep, script: string | null): void {
    this.#pool.giveBack([...Object.values(commands.variables), event, ...(script === null ? [] : [script])]);
  }
}
