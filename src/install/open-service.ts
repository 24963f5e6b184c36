import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { agentStatus } from '../agent/agent-status.ts';
import type { Failpoint } from '../kernel/failpoint.ts';
import { InstallProblem } from './install-problem.ts';
import { LaunchdService } from './launchd-service.ts';
import type { RunTool } from './run-tool.ts';
import type { RunnerFolder } from './runner-folder.ts';
import { refuseForeign } from './service-file.ts';
import { readServiceRecord, type ServiceRecord } from './service-record.ts';
import type { Service } from './service.ts';
import { SystemdService } from './systemd-service.ts';

/** The machine that a service is for, and who asks. */
export interface ServiceMachine {
  readonly platform: NodeJS.Platform;
  readonly uid: number;
  /** Of whoever asks: SUDO_USER, HOME, XDG_CONFIG_HOME. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Instead of the place where the service manager looks; null: that one. */
  readonly unitDirectory: string | null;
  readonly runTool: RunTool;
  /** What an ordinary stop may take at most. */
  readonly stopSeconds: number;
  /** Absolute, of the account's settings: where the agent is to write beside its state. */
  readonly workFolders: readonly string[];
  readonly failpoint: Failpoint;
}

export interface ServiceRequest {
  readonly scope: 'system' | 'user';
  /** Null: whoever called sudo. */
  readonly runAs: string | null;
}

/**
 * The service that `.service` tells of. Rejects with an {@link InstallProblem} where there is none, or where it is not for
 * this account to change.
 *
 * @param command what would change it, for root to call; null: it is only looked at.
 */
export async function installedService(
  folder: RunnerFolder,
  machine: ServiceMachine,
  command: string | null,
): Promise<{ readonly service: Service; readonly record: ServiceRecord }> {
  const record = await readServiceRecord(folder);
  if (record === null)
    throw new InstallProblem(`No service is installed for ${folder.root}: ./svc.sh install makes one.`);
  if (command !== null) refuseWithoutRoot(record.scope, machine, `sudo ${command}`);
  return { service: serviceOf(folder, record, runnerIn(record), machine), record };
}

/** One to be installed. Rejects with an {@link InstallProblem} for what stands in its way; nothing is changed by then. */
export async function newService(
  folder: RunnerFolder,
  request: ServiceRequest,
  machine: ServiceMachine,
): Promise<{ readonly service: Service; readonly record: ServiceRecord }> {
  refuseWithoutRoot(request.scope, machine, 'sudo ./svc.sh …; one of your own account: svc.sh install --user');
  const runner = await runnerOf(folder);
  if (NOT_IN_A_UNIT.test(folder.root))
    throw new InstallProblem(`A service cannot be given the path ${folder.root}: move it to one of plain characters.`);
  const runAs = request.scope === 'system' ? await userOf(request.runAs, folder, machine) : null;
  if (runAs !== null) await refuseHome(runAs, folder, machine);
  const record = recordOf(runner, request.scope, runAs, machine);
  const present = await readServiceRecord(folder);
  if (present !== null) await refusePresent(present, record);
  await refuseForeign(folder, record.file);
  return { service: serviceOf(folder, record, runner, machine), record };
}

function refuseWithoutRoot(scope: 'system' | 'user', { uid }: ServiceMachine, wayOut: string): void {
  if (scope === 'system' && uid !== 0)
    throw new InstallProblem(`A service of the system is for root to change: ${wayOut}.`);
}

/** Quotes, and what unit files and property lists take for something else. */
const NOT_IN_A_UNIT = /["'\\%$&<>\n]|--/;

async function runnerOf({ root, state }: RunnerFolder): Promise<string> {
  const { registered } = await agentStatus(state);
  if (registered === null) throw new InstallProblem(`${root} is not configured yet: ./config.sh comes first.`);
  return registered.name;
}

/** The account that jobs run as. It must be who configured the runner, or the agent could not read its own files. */
async function userOf(given: string | null, { root, state }: RunnerFolder, machine: ServiceMachine): Promise<string> {
  const { SUDO_USER } = machine.environment;
  const user = given ?? (SUDO_USER && SUDO_USER !== 'root' ? SUDO_USER : null);
  if (user === null)
    throw new InstallProblem('Whom do jobs run as? Name the account: svc.sh install USER (root only if you mean it).');
  const { code, stdout } = await machine.runTool('id', ['-u', user]);
  if (code !== 0) throw new InstallProblem(`There is no account '${user}' on this machine.`);
  const { uid } = await stat(state);
  if (uid !== Number(stdout.trim()))
    throw new InstallProblem(`The runner's files are not ${user}'s: chown -R ${user} '${root}' gives them away.`);
  return user;
}

/** Rejects with an {@link InstallProblem} for a runner in the account's home itself, which would become root's. */
export async function refuseHome(
  user: string,
  { root }: RunnerFolder,
  { platform, runTool }: Pick<ServiceMachine, 'platform' | 'runTool'>,
): Promise<void> {
  const { stdout } = await (platform === 'darwin' ? runTool('id', ['-P', user]) : runTool('getent', ['passwd', user]));
  // A line of passwd: the home stands before the shell.
  const home = stdout.trim().split(':').at(-2);
  if (!home || user === 'root' || (await realpath(home).catch(() => null)) !== (await realpath(root))) return;
  throw new InstallProblem(
    `${root} is the home of ${user}, and a service makes its runner's folder root's: put the runner into a folder of its own.`,
  );
}

function recordOf(
  runner: string,
  scope: 'system' | 'user',
  runAs: string | null,
  { platform, environment, unitDirectory }: ServiceMachine,
): ServiceRecord {
  const home = environment.HOME || homedir();
  const label = `${LABEL}${runner}`;
  if (platform === 'darwin') {
    const usual = scope === 'system' ? '/Library/LaunchDaemons' : join(home, 'Library/LaunchAgents');
    const file = join(unitDirectory ?? usual, `${label}.plist`);
    return { schema: 1, manager: 'launchd', scope, name: label, file, runAs, isComplete: false };
  }
  if (platform !== 'linux')
    throw new InstallProblem(`There is no service on ${platform}: let its own tools start run.sh.`);
  const own = join(environment.XDG_CONFIG_HOME || join(home, '.config'), 'systemd/user');
  const file = join(unitDirectory ?? (scope === 'system' ? '/etc/systemd/system' : own), `${label}.service`);
  return { schema: 1, manager: 'systemd', scope, name: `${label}.service`, file, runAs, isComplete: false };
}

const LABEL = 'paceline-runner.';

/** Whose service it is: it keeps the name by which it was installed. */
function runnerIn({ name, manager }: ServiceRecord): string {
  return name.slice(LABEL.length, manager === 'systemd' ? -'.service'.length : undefined);
}

async function refusePresent(present: ServiceRecord, wanted: ServiceRecord): Promise<void> {
  if (present.isComplete && (await isThere(present.file)))
    throw new InstallProblem(`The service ${present.name} is installed already; ./svc.sh uninstall removes it.`);
  if (present.file !== wanted.file || present.runAs !== wanted.runAs)
    throw new InstallProblem(
      `Another install, of ${present.file}, was interrupted: repeat that one, or remove it by ./svc.sh uninstall.`,
    );
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function serviceOf(folder: RunnerFolder, record: ServiceRecord, runner: string, machine: ServiceMachine): Service {
  const { stopSeconds, workFolders, runTool, failpoint, uid } = machine;
  const plan = { folder, runner, record, stopSeconds, workFolders, runTool, failpoint };
  return record.manager === 'systemd' ? new SystemdService(plan) : new LaunchdService(plan, uid);
}
