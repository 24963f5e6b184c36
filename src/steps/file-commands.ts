import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  FLOW_VARIABLES,
  type FlowCommands,
  type FlowVariable,
  NO_FLOW_COMMANDS,
  parseFlowCommands,
} from './flow-commands.ts';
import { decodeText, parsePairs, parsePathLines } from './parse-file-command.ts';
import { setIgnoringCase } from './set-ignoring-case.ts';
import type { StepEffects } from './step-effects.ts';

/** The files through which one step tells what it wants to change. */
export interface FileCommands {
  /** For the environment of the step: absolute paths, by variable. */
  readonly variables: Readonly<Record<FileCommandVariable, string>>;
  /** The same for files that are not there until the step writes them. */
  readonly flowVariables: Readonly<Record<FlowVariable, string>>;
  /** What was written, complete also after a failed step. Never throws for what a step can do to its files. */
  read(): Promise<FileCommandResult>;
  /** Deletes the files, also when they are gone. */
  remove(): Promise<void>;
}

export type FileCommandVariable =
  'GITHUB_ENV' | 'GITHUB_OUTPUT' | 'GITHUB_PATH' | 'GITHUB_STATE' | 'GITHUB_STEP_SUMMARY';

export interface FileCommandResult {
  readonly effects: StepEffects;
  /** Not yet masked. */
  readonly requests: FlowCommands['requests'];
  /** Names differ in more than case. */
  readonly state: ReadonlyMap<string, string>;
  /** Not yet masked; null when nothing, or too much, was written. */
  readonly summary: string | null;
  /** Sentences, each of which is an error annotation of the step, not yet masked. */
  readonly problems: readonly string[];
  /** The step fails, whatever its exit code. Not every problem makes it fail. */
  readonly failed: boolean;
}

/**
 * Makes the files, empty. Works synchronously behind its promises: five tiny files are there before a first promise of
 * the file system would settle.
 *
 * @param directory exists, is the job's own
 * @param key unique within the job, fit for a file name
 * @param writeEmpty makes a file, or empties one
 * @throws what the file system says, such as ENOSPC
 */
export function openFileCommands(
  directory: string,
  key: string,
  writeEmpty: (path: string) => void = (path) => writeFileSync(path, ''),
): Promise<FileCommands> {
  const variables = {
    GITHUB_ENV: join(directory, `set_env_${key}`),
    GITHUB_OUTPUT: join(directory, `set_output_${key}`),
    GITHUB_PATH: join(directory, `add_path_${key}`),
    GITHUB_STATE: join(directory, `save_state_${key}`),
    GITHUB_STEP_SUMMARY: join(directory, `step_summary_${key}`),
  };
  const flowVariables = Object.fromEntries(
    FLOW_VARIABLES.map((variable) => [variable, join(directory, `${variable.toLowerCase()}_${key}`)]),
  ) as Record<FlowVariable, string>;
  const paths = Object.values(variables);
  return settled(() => {
    for (const path of paths) writeEmpty(path);
    return {
      variables,
      flowVariables,
      read: () => settled(() => new FileCommandReader({ ...variables, ...flowVariables }).read()),
      remove: () =>
        settled(() => {
          for (const path of [...paths, ...Object.values(flowVariables)])
            rmSync(path, { force: true, recursive: true });
        }),
    };
  });
}

/** A throw becomes a rejection. */
function settled<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

type Variable = FileCommandVariable | FlowVariable;

class FileCommandReader {
  readonly #files: Readonly<Record<Variable, string>>;
  readonly #problems: string[] = [];
  #failed = false;

  constructor(files: Readonly<Record<Variable, string>>) {
    this.#files = files;
  }

  read(): FileCommandResult {
    const env = new Map<string, string>();
    const outputs = new Map<string, string>();
    const state = new Map<string, string>();
    this.#readPairs('GITHUB_ENV', (name, value) => this.#setEnv(env, name, value));
    this.#readPairs('GITHUB_OUTPUT', (name, value) => outputs.set(name, value));
    this.#readPairs('GITHUB_STATE', (name, value) => setIgnoringCase(state, name, value));
    const path = parsePathLines(this.#readText('GITHUB_PATH'));
    const summary = this.#readSummary();
    const { effects: flow, requests } = this.#readFlow();
    const effects = { outputs, env, path, ...(flow === null ? {} : { flow }) };
    return { effects, requests, state, summary, problems: this.#problems, failed: this.#failed };
  }

  #readFlow(): FlowCommands {
    const written = FLOW_VARIABLES.filter((variable) => existsSync(this.#files[variable]));
    if (written.length === 0) return NO_FLOW_COMMANDS;
    const texts = new Map(written.map((variable) => [variable, this.#readText(variable)]));
    const commands = parseFlowCommands(texts, process.platform);
    for (const { variable, message } of commands.problems) this.#fail(variable, message);
    return commands;
  }

  #readPairs(variable: FileCommandVariable, apply: (name: string, value: string) => void): void {
    const { pairs, problem } = parsePairs(this.#readText(variable), process.platform);
    for (const [name, value] of pairs) apply(name, value);
    if (problem !== null) this.#fail(variable, problem);
  }

  #setEnv(env: Map<string, string>, name: string, value: string): void {
    if (name.toUpperCase() !== 'NODE_OPTIONS') env.set(name, value);
    else this.#problems.push('NODE_OPTIONS cannot be set through GITHUB_ENV: it would change every JavaScript action.');
  }

  #readSummary(): string | null {
    const file = this.#open('GITHUB_STEP_SUMMARY');
    if (file === null) return null;
    try {
      const { size } = fstatSync(file);
      if (size === 0) return null;
      if (size <= MAX_SUMMARY_BYTES) return decodeText(readFileSync(file));
      const sizes = `it has ${Math.ceil(size / 1_024)} KiB, and at most ${MAX_SUMMARY_BYTES / 1_024} KiB are kept`;
      this.#problems.push(`The step summary was left out: ${sizes}.`);
      return null;
    } finally {
      closeSync(file);
    }
  }

  #readText(variable: Variable): string {
    const file = this.#open(variable);
    if (file === null) return '';
    try {
      const { size } = fstatSync(file);
      if (size <= MAX_FILE_COMMAND_BYTES) return size === 0 ? '' : decodeText(readFileSync(file));
      this.#fail(variable, `It has ${size} bytes, and at most ${MAX_FILE_COMMAND_BYTES} are read.`);
      return '';
    } finally {
      closeSync(file);
    }
  }

  /** Null for a file that the step deleted, and for what it put in its place. */
  #open(variable: Variable): number | null {
    let file: number;
    try {
      // Without the flag, a FIFO in its place would wait for a writer for ever.
      file = openSync(this.#files[variable], constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.#fail(variable, message);
      return null;
    }
    if (fstatSync(file).isFile()) return file;
    closeSync(file);
    this.#fail(variable, 'It is no longer a file.');
    return null;
  }

  #fail(variable: Variable, problem: string): void {
    this.#failed = true;
    this.#problems.push(`Unable to process the file of ${variable} successfully.`, problem);
  }
}

/** GitHub's limit for one step. */
export const MAX_SUMMARY_BYTES = 1_048_576;
/** GitHub's runner has none, and reads what a step wrote by mistake until memory is full. */
export const MAX_FILE_COMMAND_BYTES = 16_777_216;
