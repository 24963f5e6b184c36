import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fillTemplate } from './fill-template.ts';
import { InstallProblem } from './install-problem.ts';
import { givePrograms, takePrograms } from './program-owner.ts';
import { removeServiceFile, replaceServiceFile, serviceFileText, writeServiceFile } from './service-file.ts';
import type { ServicePlan } from './service-plan.ts';
import { removeServiceRecord, writeServiceRecord } from './service-record.ts';
import type { Service, ServiceStatus } from './service.ts';

/** Since then `systemd-notify` waits until it was heard; before, a word may come too late to be believed. */
const FIRST_RELIABLE_NOTIFY = 246;
/** Of no sign of life, then the agent is killed and started again. */
const WATCHDOG = '2min';
/** To load code into the kernel, reboot, set the clock: the root of a step's sudo is root without these. */
const LEFT_OUT_CAPABILITIES =
  '~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_BOOT CAP_SYS_TIME CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_MAC_ADMIN CAP_MAC_OVERRIDE';

/** All methods reject with an {@link InstallProblem} where systemd refuses. */
export class SystemdService implements Service {
  readonly #plan: ServicePlan;

  constructor(plan: ServicePlan) {
    this.#plan = plan;
  }

  async install(): Promise<void> {
    const { folder, record, workFolders, failpoint } = this.#plan;
    await this.#refuseWhereNoneRuns();
    const text = await this.text();
    await writeServiceRecord(folder, { ...record, isComplete: false });
    failpoint('service-after-record');
    await writeServiceFile(folder, record.file, text);
    failpoint('service-after-unit');
    await this.#systemctl(['daemon-reload']);
    await this.#systemctl(['enable', record.name]);
    failpoint('service-after-enable');
    if (record.scope === 'system') await takePrograms(folder, workFolders);
    await writeServiceRecord(folder, { ...record, isComplete: true });
  }

  async start(): Promise<void> {
    await this.#systemctl(['start', this.#plan.record.name]);
  }

  async stop(): Promise<void> {
    await this.#systemctl(['stop', this.#plan.record.name]);
  }

  async endJobs(): Promise<void> {
    // It refuses where nothing lives.
    await this.#try(['kill', '--kill-who=all', '--signal=SIGKILL', this.#plan.record.name]);
  }

  async status(): Promise<ServiceStatus> {
    const { name } = this.#plan.record;
    const shown = await this.#systemctl(['show', name, `--property=${PROPERTIES.join(',')}`]);
    const facts = new Map(shown.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]));
    const pid = Number(facts.get('MainPID') ?? 0);
    const active = facts.get('ActiveState') ?? 'unknown';
    return {
      name,
      installed: facts.get('LoadState') === 'loaded',
      enabled: facts.get('UnitFileState') === 'enabled',
      running: active === 'active' || active === 'activating' || active === 'deactivating',
      pid: pid > 0 ? pid : null,
      text: `${active} (${facts.get('SubState') ?? 'unknown'})`,
    };
  }

  async text(): Promise<string> {
    return unitText(this.#plan, await this.#version());
  }

  currentText(): Promise<string | null> {
    return serviceFileText(this.#plan.record.file);
  }

  async replaceText(text: string): Promise<void> {
    await replaceServiceFile(this.#plan.folder, this.#plan.record.file, text);
    await this.#systemctl(['daemon-reload']);
  }

  async uninstall(): Promise<void> {
    const { folder, record, failpoint } = this.#plan;
    const { installed } = await this.status();
    if (installed) {
      await this.stop();
      await this.endJobs();
      await this.#systemctl(['disable', record.name]);
    }
    await removeServiceFile(folder, record.file);
    await this.#systemctl(['daemon-reload']);
    // What a crash has left in its list of failed units. It is not there otherwise.
    await this.#try(['reset-failed', record.name]);
    failpoint('service-before-give');
    if (record.scope === 'system') await givePrograms(folder);
    failpoint('service-before-forget');
    // The last: without it nobody knows that there is something to go on with.
    await removeServiceRecord(folder);
  }

  async #refuseWhereNoneRuns(): Promise<void> {
    const { scope } = this.#plan.record;
    const { code, stdout } = await this.#try(['is-system-running']);
    if (code === null)
      throw new InstallProblem('There is no systemctl here: ./run.sh runs the runner without a service.');
    if (stdout.trim() !== '' && stdout.trim() !== 'offline') return;
    throw new InstallProblem(
      scope === 'user'
        ? 'The systemd of this account cannot be reached: log in as the account itself, not by su or sudo.'
        : 'systemd does not run this machine: ./run.sh runs the runner without a service.',
    );
  }

  async #version(): Promise<number> {
    const { stdout } = await this.#try(['--version']);
    return Number(/^systemd (\d+)/.exec(stdout)?.[1] ?? 0);
  }

  async #systemctl(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#try(args);
    if (code === 0) return stdout;
    const said = stderr.trim().split('\n')[0] || `it ended with ${code ?? 'nothing: it is not there'}`;
    throw new InstallProblem(`systemctl ${args.join(' ')} failed: ${said.replace(/\.$/, '')}.`, 'failed');
  }

  #try(args: readonly string[]) {
    const { record, runTool } = this.#plan;
    return runTool('systemctl', [...(record.scope === 'user' ? ['--user'] : []), ...args]);
  }
}

const PROPERTIES = ['LoadState', 'ActiveState', 'SubState', 'UnitFileState', 'MainPID'];

/** `version` is systemd's. */
export async function unitText(
  { folder, runner, record, stopSeconds }: Omit<ServicePlan, 'runTool' | 'failpoint' | 'workFolders'>,
  version: number,
): Promise<string> {
  const isSystem = record.scope === 'system';
  const hearsUs = version >= FIRST_RELIABLE_NOTIFY;
  return fillTemplate(await readFile(join(folder.bin, 'paceline-runner.service'), 'utf8'), {
    ROOT: folder.root,
    ROOT_PATH: folder.root,
    NAME: runner,
    NETWORK: isSystem ? 'network-online.target' : null,
    TYPE: hearsUs ? 'notify' : 'exec',
    WATCHDOG: hearsUs ? WATCHDOG : null,
    SERVICE_RUNNER: `"${join(folder.bin, 'runsvc.sh')}"`,
    USER: record.runAs,
    STOP_SECONDS: String(stopSeconds),
    CAPABILITIES: isSystem ? LEFT_OUT_CAPABILITIES : null,
    TARGET: isSystem ? 'multi-user.target' : 'default.target',
  });
}
