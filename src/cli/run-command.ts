import { existsSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism, homedir, hostname, tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { startLocalRun } from '../local/run-local.ts';
import type { RunOptions } from '../local/run-options.ts';
import { UsageError } from '../local/usage-error.ts';
import type { CliHost } from './cli-host.ts';
import { configFile } from './config-of.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { findWorkflowFiles } from './find-workflow-files.ts';
import { keyValue, keyValues } from './key-value.ts';
import { parseEnvFile } from './parse-env-file.ts';
import { inheritedEnvironment } from './inherited-environment.ts';
import { onStopRequests } from './stop-requests.ts';
import { type ViewFlags, viewIo } from './view-io.ts';

/** The flags of `paceline run`, as the command line's parser gives them. */
export interface RunFlags extends ViewFlags {
  readonly event?: string;
  readonly eventPath?: string;
  readonly applyFilters?: boolean;
  readonly job?: string;
  readonly matrix?: readonly string[];
  readonly input?: readonly string[];
  readonly secret?: readonly string[];
  readonly secretFile?: readonly string[];
  readonly var?: readonly string[];
  readonly signal?: readonly string[];
  readonly env?: readonly string[];
  readonly maxBackground?: number;
  readonly jobs?: number;
  readonly isolate?: boolean;
  readonly workspace?: string;
  readonly actionRoot?: readonly string[];
  readonly offline?: boolean;
  readonly config?: string;
  readonly report?: string;
  readonly events?: string;
  readonly logDir?: string;
}

export async function runCommand(path: string, flags: RunFlags, host: CliHost): Promise<ExitCode> {
  const file = theOneWorkflow(resolve(host.directory, path), path);
  const options = runOptions(file, flags, host);
  const run = startLocalRun(options, viewIo(flags, host));
  const stopListening = onStopRequests(host.environment, (count) => {
    if (count === 1) run.cancel();
    else if (count === 2) run.kill();
    else host.exitNow(EXIT.cancelled);
  });
  // Whatever ends the process while the run goes on, a fault of ours included, ends the steps with it.
  const abandon = (): void => run.abandon();
  process.once('exit', abandon);
  try {
    return EXIT_OF[await run.finished];
  } finally {
    stopListening();
    process.off('exit', abandon);
  }
}

const EXIT_OF = {
  success: EXIT.success,
  failure: EXIT.runFailed,
  cancelled: EXIT.cancelled,
  invalid: EXIT.usage,
  unreachable: EXIT.unreachable,
} as const;

function theOneWorkflow(path: string, shown: string): { path: string; shown: string } {
  const files = findWorkflowFiles(path).filter((file) => !/(?:^|[\\/])action\.ya?ml$/.test(file) || file === path);
  const [only] = files;
  if (only !== undefined && files.length === 1) {
    // A file is named in diagnostics as the user named it.
    return { path: only, shown: only === path ? shown : only };
  }
  if (files.length === 0) throw new UsageError(`There is no workflow in '${shown}' nor in its .github/workflows.`);
  throw new UsageError(`'${shown}' has ${files.length} workflows; name one of them: ${files.join(', ')}.`);
}

function runOptions(file: { path: string; shown: string }, flags: RunFlags, host: CliHost): RunOptions {
  const at = (path: string | undefined): string | null => (path === undefined ? null : resolve(host.directory, path));
  const workspace = at(flags.workspace) ?? host.directory;
  if (!statSync(workspace, { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError(`The workspace '${flags.workspace ?? workspace}' is not a folder.`);
  const temp = host.environment.TMPDIR || tmpdir();
  return {
    file: file.path,
    shownFile: file.shown,
    workspace,
    event: flags.event ?? null,
    eventPath: at(flags.eventPath),
    applyFilters: flags.applyFilters ?? false,
    job: flags.job ?? null,
    matrix: (flags.matrix ?? []).map((text) => keyValue('--matrix', text, ':')),
    inputs: keyValues('--input', flags.input ?? []),
    secrets: secretsOf(flags, host),
    vars: keyValues('--var', flags.var ?? []),
    signals: (flags.signal ?? []).map(signalOf),
    maxBackground: flags.maxBackground ?? null,
    jobs: flags.jobs ?? null,
    isolate: flags.isolate ?? false,
    offline: flags.offline ?? false,
    actionRoots: (flags.actionRoot ?? []).map((root) => resolve(host.directory, root)),
    report: at(flags.report),
    events: at(flags.events),
    logDirectory: at(flags.logDir),
    config: configFile(flags.config, workspace, host),
    configEnvironment: host.environment,
    directory: host.directory,
    environment: { ...inheritedEnvironment(host.environment), ...keyValues('--env', flags.env ?? []) },
    cacheDirectory: join(host.environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'paceline'),
    tempDirectory: temp,
    home: homedir(),
    userName: userNameOf(host),
    cores: availableParallelism(),
    machineName: hostname(),
    version: host.version,
    node: { path: process.execPath, version: process.versions.node },
  };
}

/** `NAME`, or `NAME=DATA`. */
function signalOf(text: string): { name: string; data: string | null } {
  if (!text.includes('=')) return { name: text, data: null };
  const { key: name, value: data } = keyValue('--signal', text, '=');
  return { name, data };
}

/** Later ones win: files in their order, then what the command line names. */
function secretsOf(flags: RunFlags, host: CliHost): Record<string, string> {
  const secrets: Record<string, string> = {};
  for (const file of flags.secretFile ?? []) {
    const path = resolve(host.directory, file);
    if (!existsSync(path)) throw new UsageError(`There is no file '${file}' for --secret-file.`);
    Object.assign(secrets, parseEnvFile(readSecrets(path), file));
  }
  for (const text of flags.secret ?? []) {
    if (text.includes('=')) {
      const { key, value } = keyValue('--secret', text, '=');
      secrets[key] = value;
      continue;
    }
    const value = host.environment[text];
    if (value === undefined)
      throw new UsageError(`--secret ${text} takes its value from the environment, where ${text} is not set.`);
    secrets[text] = value;
  }
  return secrets;
}

function readSecrets(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--secret-file cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

function userNameOf(host: CliHost): string {
  const named = host.environment.USER ?? host.environment.USERNAME ?? host.environment.LOGNAME;
  if (named) return named;
  try {
    return userInfo().username;
  } catch {
    // An account without an entry, as in some containers.
    return 'local';
  }
}
