import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../local/usage-error.ts';
import { type CollectedWorkflow, collectWorkflow } from './client/collect-workflow.ts';
import { ServerClient } from './client/server-client.ts';
import { printDiagnostics } from './client/print-diagnostics.ts';
import { EXIT_OF } from './client/watch-command.ts';
import { watchRun } from './client/watch-run.ts';
import type { CliHost } from './cli-host.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { UP_FOLDER } from './places.ts';
import { onStopRequests } from './stop-requests.ts';
import { AbortScope } from '../kernel/cancellation.ts';
import { ANY_PORT, startPlane, type UpPlane } from './up-plane.ts';
import { viewIo } from './view-io.ts';

export interface UpFlags {
  readonly once?: boolean;
  readonly data?: string;
  readonly listen?: string;
  readonly slots?: number;
  readonly color: boolean;
}

/** A server and an agent in this process, a run on them, and all of it ended at the end. */
export async function upCommand(file: string | undefined, flags: UpFlags, host: CliHost): Promise<ExitCode> {
  const path = file === undefined ? exampleFile() : resolve(host.directory, file);
  const collected = collectWorkflow(path, file ?? path, host.directory);
  if (collected.workflow === null) {
    printDiagnostics(collected.diagnostics, collected, file ?? path, flags, host);
    return EXIT.usage;
  }
  const data = await openData(flags, host);
  const ending = new AbortScope();
  /** Of the watching. */
  const leaving = new AbortScope();
  const first = new FirstRun(flags, host);
  let plane: UpPlane | null = null;
  const stopListening = onStopRequests(host.environment, (count) => {
    ending.cancel('user');
    if (count === 1) first.cancel(() => leaving.cancel('user'));
    else if (count === 2) {
      first.say('Ending the steps at once. Ctrl-C again exits.');
      leaving.cancel('user');
      plane?.kill();
    } else host.exitNow(EXIT.cancelled);
  });
  try {
    plane = await startPlane(
      {
        directory: data.directory,
        listen: flags.listen ?? (flags.once === true ? ANY_PORT : null),
        slots: flags.slots ?? availableParallelism(),
      },
      host,
    );
    if (plane.taken !== null) host.stderr.write(`${plane.taken} is taken; another port serves.\n`);
    host.stdout.write(addresses(plane, data, flags));
    const code = await first.work(plane, collected.workflow, leaving.signal);
    if (flags.once !== true && !ending.signal.aborted) {
      host.stdout.write(hints(host));
      await aborted(ending.signal);
    }
    return code;
  } finally {
    await plane?.stop();
    stopListening();
    ending.dispose();
    leaving.dispose();
    if (data.isTemporary) await rm(data.directory, { recursive: true, force: true });
  }
}

/** Submits it and shows it live. */
class FirstRun {
  readonly #flags: UpFlags;
  readonly #host: CliHost;
  #running: { readonly client: ServerClient; readonly id: number } | null = null;
  #inView: ((sentence: string) => void) | null = null;

  constructor(flags: UpFlags, host: CliHost) {
    this.#flags = flags;
    this.#host = host;
  }

  async work(
    plane: UpPlane,
    workflow: NonNullable<CollectedWorkflow['workflow']>,
    signal: AbortSignal,
  ): Promise<ExitCode> {
    const client = await ServerClient.open(plane.admin, this.#host);
    try {
      if (signal.aborted) return EXIT.cancelled;
      const { runs } = await client.submit({ workflow });
      const id = runs[0]?.id ?? 0;
      this.#running = { client, id };
      this.#host.stdout.write('\n');
      const onView = (say: (sentence: string) => void): void => void (this.#inView = say);
      const io = { ...viewIo(this.#flags, this.#host), onView };
      return EXIT_OF[await watchRun(client, id, io, signal)];
    } catch (error) {
      if (signal.aborted) return EXIT.cancelled;
      throw error;
    } finally {
      this.#running = null;
      this.#inView = null;
      await client.close();
    }
  }

  /** It is shown until it has ended. */
  cancel(onProblem: () => void): void {
    if (this.#running === null) {
      this.#host.stderr.write('\nEnding server and agent.\n');
      onProblem();
      return;
    }
    const { client, id } = this.#running;
    this.say('Cancelling: post steps and always() steps still run. Ctrl-C again ends the steps at once.');
    client.askRun(id, 'cancel', { force: false }).catch(onProblem);
  }

  say(sentence: string): void {
    if (this.#inView) this.#inView(sentence);
    else this.#host.stderr.write(`${sentence}\n`);
  }
}

interface DataFolder {
  readonly directory: string;
  readonly isTemporary: boolean;
}

/** What is started once leaves nothing; what stays keeps its runs for the next time. */
async function openData(flags: UpFlags, { directory }: CliHost): Promise<DataFolder> {
  if (flags.data === undefined && flags.once === true)
    return { directory: await mkdtemp(join(tmpdir(), 'paceline-up-')), isTemporary: true };
  const chosen = resolve(directory, flags.data ?? UP_FOLDER);
  try {
    await mkdir(chosen, { recursive: true, mode: 0o700 });
    // Whatever git is told about the folder around it.
    await writeFile(join(chosen, '.gitignore'), '*\n');
    return { directory: chosen, isTemporary: false };
  } catch (error) {
    if (flags.data !== undefined) throw new UsageError(`--data: ${(error as Error).message}.`, { cause: error });
    return { directory: await mkdtemp(join(tmpdir(), 'paceline-up-')), isTemporary: true };
  }
}

/** In the package beside the bundle; in a checkout two folders up. */
function exampleFile(): string {
  const folder = dirname(import.meta.filename);
  const places = [join(folder, '../examples/side-by-side.yml'), join(folder, '../../examples/side-by-side.yml')];
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new UsageError('The example is not there; name a workflow file to run.');
  return found;
}

function addresses(plane: UpPlane, { directory, isTemporary }: DataFolder, { once }: UpFlags): string {
  return [
    `Server   ${plane.url}   (API: ${plane.url}/v1/openapi.json, /metrics)`,
    `Agent    ${plane.runner}, labels ${plane.labels.join(', ')}`,
    `Data     ${directory}${isTemporary && once === true ? ', gone at the end' : ''}`,
    '',
  ].join('\n');
}

function hints({ environment }: CliHost): string {
  const name = environment.PACELINE_COMMAND || 'paceline';
  return `
Both stay until Ctrl-C. In another terminal, in this folder:
  ${name} submit FILE --watch
  ${name} runs list
  ${name} --help
`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
