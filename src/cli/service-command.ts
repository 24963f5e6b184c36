import type { ServiceMachine } from '../install/open-service.ts';
import type { RunnerFolder } from '../install/runner-folder.ts';
import type { ServiceRecord } from '../install/service-record.ts';
import type { Service } from '../install/service.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import { budgetsOf } from '../config/budgets.ts';
import { asProblem } from './agent-problem.ts';
import type { CliHost } from './cli-host.ts';
import { printJson } from './client/print.ts';
import { configOf } from './config-of.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { failpointOf } from './failpoint-of.ts';
import { installedFolder, placeOf } from './runner-place.ts';

export interface ServiceFlags {
  readonly folder: string;
  readonly user?: boolean;
  readonly runAs?: string;
  readonly json?: boolean;
}

export async function installServiceCommand(
  account: string | undefined,
  flags: ServiceFlags,
  host: CliHost,
): Promise<ExitCode> {
  const { folder, machine } = await serviceMachine(flags, host);
  const { newService } = await import('../install/open-service.ts');
  const isUser = flags.user === true || (machine.platform === 'darwin' && machine.uid !== 0);
  const request = { scope: isUser ? ('user' as const) : ('system' as const), runAs: flags.runAs ?? account ?? null };
  const { service, record } = await asProblem(newService(folder, request, machine));
  await asProblem(service.install());
  const as = record.runAs === null ? '' : `, as ${record.runAs}`;
  host.stdout.write(`${record.name} is installed${as}, and starts with the machine; ./svc.sh start starts it now.\n`);
  if (record.scope === 'user' && record.manager === 'systemd')
    host.stdout.write('It runs while you are logged in; `loginctl enable-linger` lets it run without.\n');
  return EXIT.success;
}

export async function startServiceCommand(flags: ServiceFlags, host: CliHost): Promise<ExitCode> {
  const { service, record } = await present('start', flags, host);
  await asProblem(service.start());
  host.stdout.write(`${record.name} runs.\n`);
  return EXIT.success;
}

export async function stopServiceCommand(flags: ServiceFlags, host: CliHost): Promise<ExitCode> {
  const { service, record, machine } = await present('stop', flags, host);
  host.stderr.write(`Jobs that run end first, in ${machine.stopSeconds} s at most; what is left then is ended.\n`);
  await asProblem(service.stop());
  await asProblem(service.endJobs());
  host.stdout.write(`${record.name} is stopped.\n`);
  return EXIT.success;
}

/** 0 while it runs, 1 when it does not, 2 when there is none. */
export async function serviceStatusCommand(flags: ServiceFlags, host: CliHost): Promise<ExitCode> {
  const { folder, machine } = await serviceMachine(flags, host, 'tell');
  const { installedService } = await import('../install/open-service.ts');
  const { service } = await asProblem(installedService(folder, machine, null));
  const status = await asProblem(service.status());
  if (flags.json === true) printJson(status, host);
  else {
    const process = status.pid === null ? '' : `, process ${status.pid}`;
    const boot = status.enabled ? 'starts with the machine' : 'does not start with the machine';
    host.stdout.write(`${status.name}: ${status.text}${process}; ${boot}.\n`);
  }
  return status.running ? EXIT.success : EXIT.runFailed;
}

export async function uninstallServiceCommand(flags: ServiceFlags, host: CliHost): Promise<ExitCode> {
  const { service, record } = await present('uninstall', flags, host);
  host.stderr.write('Jobs that run end first.\n');
  await asProblem(service.uninstall());
  host.stdout.write(`${record.name} is uninstalled.\n`);
  return EXIT.success;
}

/** What the service is started by becomes that of the version in use. */
export async function renewServiceCommand(flags: ServiceFlags, host: CliHost): Promise<ExitCode> {
  const { service, record, folder, machine } = await present('renew', flags, host);
  const { name, scope, runAs } = record;
  const { refuseHome } = await import('../install/open-service.ts');
  if (runAs !== null) await asProblem(refuseHome(runAs, folder, machine));
  const text = await asProblem(service.text());
  const isChanged = (await service.currentText()) !== text;
  // Where it is the same already: a power cut may have kept the service manager from reading it.
  await asProblem(service.replaceText(text));
  if (scope === 'system') {
    const { takePrograms } = await import('../install/program-owner.ts');
    await asProblem(takePrograms(folder, machine.workFolders));
  }
  const said = isChanged ? `is renewed; it counts from its next start on` : 'is as this version has it';
  if (flags.json === true) printJson({ name, renewed: isChanged }, host);
  else host.stdout.write(`${name} ${said}.\n`);
  return EXIT.success;
}

/** What systemd calls when the agent has ended: after an ordinary stop whose time was over, what is left is killed. */
export async function afterStopCommand(_flags: ServiceFlags, host: CliHost): Promise<ExitCode> {
  // After a crash or a missed watchdog the jobs go on, and the next start takes them up.
  if (host.environment.SERVICE_RESULT !== 'timeout') return EXIT.success;
  const { endUnitProcesses } = await import('../install/end-unit-processes.ts');
  const count = await endUnitProcesses();
  host.stderr.write(`The time to stop was over: ${count} processes of jobs were killed.\n`);
  return EXIT.success;
}

/** The installed one, for whoever may change it. */
async function present(
  verb: string,
  flags: ServiceFlags,
  host: CliHost,
): Promise<{
  readonly service: Service;
  readonly record: ServiceRecord;
  readonly folder: RunnerFolder;
  readonly machine: ServiceMachine;
}> {
  const { folder, machine } = await serviceMachine(flags, host);
  const { installedService } = await import('../install/open-service.ts');
  const { service, record } = await asProblem(installedService(folder, machine, `'${folder.root}/svc.sh' ${verb}`));
  return { service, record, folder, machine };
}

export async function serviceMachine(
  { folder }: Pick<ServiceFlags, 'folder'>,
  given: CliHost,
  closed: 'refuse' | 'tell' = 'refuse',
): Promise<{ readonly folder: RunnerFolder; readonly machine: ServiceMachine }> {
  const { host } = placeOf({ folder }, given, closed);
  const config = await configOf(undefined, host);
  const { toolRunner } = await import('../install/run-tool.ts');
  return {
    folder: installedFolder(folder, given),
    machine: {
      platform: process.platform,
      uid: process.getuid?.() ?? 0,
      environment: given.environment,
      unitDirectory: given.environment.PACELINE_UNIT_DIRECTORY || null,
      runTool: toolRunner(given.environment),
      stopSeconds: stopSeconds(config),
      workFolders: [config.workDirectory, config.toolCache, config.actions.cacheDirectory].filter(
        (path) => path !== null,
      ),
      failpoint: failpointOf(given) ?? (() => undefined),
    },
  };
}

/** The drain, the cancelling of what it did not wait for, the last results: one after the other, and time to spare. */
function stopSeconds(config: RunnerConfig): number {
  const { cancelTimeoutMs, tearDownMs } = budgetsOf(config);
  const { drainTimeoutSeconds, flushTimeoutSeconds } = config.agent;
  const cancelSeconds = (cancelTimeoutMs + tearDownMs) / MS_PER_SECOND;
  return Math.ceil(drainTimeoutSeconds + cancelSeconds + flushTimeoutSeconds + SPARE_SECONDS);
}

const MS_PER_SECOND = 1_000;
const SPARE_SECONDS = 30;
