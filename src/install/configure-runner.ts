import { lstat, mkdir, readdir, readFile, readlink, rm, rmdir, stat, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { agentStatus } from '../agent/agent-status.ts';
import { registerAgent, type RegisterAgentOptions } from '../agent/register-agent.ts';
import { removeAgent, type RemoveAgentOptions } from '../agent/remove-agent.ts';
import type { TlsFiles } from '../kernel/trust.ts';
import type { Failpoint } from '../kernel/failpoint.ts';
import { InstallProblem } from './install-problem.ts';
import { keepEnvironment } from './keep-environment.ts';
import type { RunnerFolder } from './runner-folder.ts';
import { syncFolder, writeDurably } from '../kernel/write-durably.ts';

export interface ConfigureRunnerOptions extends Omit<RegisterAgentOptions, 'stateDirectory' | 'failpoint'> {
  readonly folder: RunnerFolder;
  /** Jobs at once; null: as the configuration says. */
  readonly slots: number | null;
  /** Where workspaces are, from the runner's folder; null: in its state. */
  readonly work: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly failpoint: Failpoint;
}

/**
 * Makes a folder a runner of a server. The credentials come last, and only with them it counts as configured: where it
 * was interrupted, the same call goes on. Rejects with an {@link InstallProblem} or an `AgentProblem`.
 */
export async function configureRunner(options: ConfigureRunnerOptions): Promise<{ readonly name: string }> {
  const { folder, slots, work, environment, failpoint, ...registration } = options;
  await refuseConfigured(folder);
  let undo = (): Promise<void> => Promise.resolve();
  const prepare = async (): Promise<void> => {
    undo = await snapshotOf([folder.config, folder.environment, folder.path]);
    if (work !== null) await placeWorkspaces(folder, work);
    await writeConfig(folder, registration.server, slots, registration.network.tls);
    failpoint('install-after-config');
    await keepEnvironment(folder, environment);
    failpoint('install-after-environment');
  };
  try {
    return await registerAgent({ ...registration, stateDirectory: folder.state, prepare, failpoint });
  } catch (error) {
    // What kept the runner from being registered says more than what keeps this from being undone.
    await undo().catch(() => undefined);
    throw error;
  }
}

/** What writes these files again as they are now, and removes those that are not there. */
async function snapshotOf(paths: readonly string[]): Promise<() => Promise<void>> {
  const before = await Promise.all(
    paths.map(async (path) =>
      (await exists(path)) ? { path, text: await readFile(path, 'utf8'), found: await stat(path) } : { path },
    ),
  );
  return async () => {
    // Root's calls leave to the account of the runner what it has to read.
    const isRoot = process.getuid?.() === 0;
    for (const { path, text, found } of before)
      await (text === undefined
        ? rm(path, { force: true })
        : writeDurably(path, text, found.mode & MODE_BITS, isRoot ? found : null));
  };
}

const MODE_BITS = 0o777;

/** Before anybody is asked for anything. */
export async function refuseConfigured(folder: RunnerFolder): Promise<void> {
  const { registered } = await agentStatus(folder.state);
  if (registered !== null)
    throw new InstallProblem(
      `${folder.root} is the runner ${registered.name} of ${registered.server} already; ./config.sh remove takes it off.`,
    );
}

/**
 * Takes a runner off its server, then removes what made the folder its own; the variables of `.env` and the workspaces
 * stay. Rejects with an {@link InstallProblem} while a service is installed.
 */
export async function removeRunner(
  folder: RunnerFolder,
  remove: Omit<RemoveAgentOptions, 'stateDirectory'>,
): Promise<void> {
  if (await exists(folder.service))
    throw new InstallProblem('A service runs this runner: uninstall it first, by ./svc.sh uninstall.');
  await removeAgent({ ...remove, stateDirectory: folder.state });
  for (const path of [folder.config, folder.path]) await rm(path, { force: true });
  await syncFolder(folder.root);
}

/** Keys that are there already stay, but for those that were asked for now. */
async function writeConfig(
  { config, root }: RunnerFolder,
  server: string,
  slots: number | null,
  tls: TlsFiles,
): Promise<void> {
  const present = (await exists(config)) ? parsed(await readFile(config, 'utf8'), config) : {};
  // By what the server was reached now it has to be reached by a service, which has nothing of this shell.
  const { caFile, clientCertificateFile, clientKeyFile } = tls;
  const files = Object.entries({ caFile, clientCertificateFile, clientKeyFile }).filter(([, path]) => path !== null);
  const own = { ...(present.agent as object | undefined), ...Object.fromEntries(files) };
  const agent = { ...own, server, ...(slots === null ? {} : { slots }) };
  const schema = './bin/app/schemas/runner.config.schema.json';
  await mkdir(root, { recursive: true });
  await writeDurably(config, `${JSON.stringify({ $schema: schema, ...present, agent }, null, 2)}\n`, CONFIG_MODE);
}

/** It holds no secret. */
const CONFIG_MODE = 0o644;

function parsed(text: string, path: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new InstallProblem(`${path} is not JSON: ${(error as Error).message}.`);
  }
}

/** The state's folder of workspaces becomes a link to another disk's. */
async function placeWorkspaces({ root, state }: RunnerFolder, work: string): Promise<void> {
  const target = resolve(root, work);
  const link = join(state, WORKSPACES);
  await mkdir(target, { recursive: true });
  const found = await lstat(link).catch(() => null);
  if (found?.isSymbolicLink()) {
    if ((await readlink(link)) === target) return;
    await rm(link);
  } else if (found !== null) {
    if ((await readdir(link)).length > 0)
      throw new InstallProblem(
        `There are workspaces in ${link}: move or remove them before --work names another folder.`,
      );
    await rmdir(link);
  }
  await symlink(target, link);
}

/** As `agent/workspace-folder` names it. */
const WORKSPACES = 'work';

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}
