import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fillTemplate } from './fill-template.ts';
import { InstallProblem } from './install-problem.ts';
import { givePrograms, takePrograms } from './program-owner.ts';
import { removeServiceFile, replaceServiceFile, serviceFileText, writeServiceFile } from './service-file.ts';
import type { ServicePlan } from './service-plan.ts';
import { removeServiceRecord, writeServiceRecord } from './service-record.ts';
import type { Service, ServiceStatus } from './service.ts';

/** macOS. What lies in its folder is loaded at the next boot or login; `start` loads it now. */
export class LaunchdService implements Service {
  readonly #plan: ServicePlan;
  readonly #uid: number;

  constructor(plan: ServicePlan, uid: number) {
    this.#plan = plan;
    this.#uid = uid;
  }

  async install(): Promise<void> {
    const { folder, record, workFolders, failpoint } = this.#plan;
    await writeServiceRecord(folder, { ...record, isComplete: false });
    failpoint('service-after-record');
    await writeServiceFile(folder, record.file, await this.text());
    failpoint('service-after-unit');
    await this.#launchctl(['enable', this.#target]);
    failpoint('service-after-enable');
    if (record.scope === 'system') await takePrograms(folder, workFolders);
    await writeServiceRecord(folder, { ...record, isComplete: true });
  }

  async start(): Promise<void> {
    if ((await this.#try(['print', this.#target])).code !== 0)
      await this.#launchctl(['bootstrap', this.#domain, this.#plan.record.file]);
    else await this.#launchctl(['kickstart', this.#target]);
  }

  async stop(): Promise<void> {
    if ((await this.#try(['print', this.#target])).code === 0) await this.#launchctl(['bootout', this.#target]);
  }

  /** launchd does not know them; the next start takes them up. */
  endJobs(): Promise<void> {
    return Promise.resolve();
  }

  async status(): Promise<ServiceStatus> {
    const { record } = this.#plan;
    const { code, stdout } = await this.#try(['print', this.#target]);
    const isThere = await readFile(record.file, 'utf8').then(
      () => true,
      () => false,
    );
    const pid = Number(/^\s*pid = (\d+)/m.exec(stdout)?.[1] ?? 0);
    const state = /^\s*state = (.+)$/m.exec(stdout)?.[1];
    return {
      name: record.name,
      installed: isThere,
      enabled: isThere,
      running: pid > 0,
      pid: pid > 0 ? pid : null,
      text: code === 0 ? (state ?? 'loaded') : 'not loaded',
    };
  }

  text(): Promise<string> {
    return plistText(this.#plan);
  }

  currentText(): Promise<string | null> {
    return serviceFileText(this.#plan.record.file);
  }

  /** Read when it is loaded: at `start` after a `stop`, and when the machine starts. */
  async replaceText(text: string): Promise<void> {
    await replaceServiceFile(this.#plan.folder, this.#plan.record.file, text);
  }

  async uninstall(): Promise<void> {
    const { folder, record, failpoint } = this.#plan;
    await this.stop();
    await removeServiceFile(folder, record.file);
    failpoint('service-before-give');
    if (record.scope === 'system') await givePrograms(folder);
    failpoint('service-before-forget');
    // The last: without it nobody knows that there is something to go on with.
    await removeServiceRecord(folder);
  }

  get #domain(): string {
    return this.#plan.record.scope === 'system' ? 'system' : `gui/${this.#uid}`;
  }

  get #target(): string {
    return `${this.#domain}/${this.#plan.record.name}`;
  }

  async #launchctl(args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#try(args);
    if (code === 0) return;
    const said = stderr.trim().split('\n')[0] || `it ended with ${code ?? 'nothing: it is not there'}`;
    throw new InstallProblem(`launchctl ${args.join(' ')} failed: ${said.replace(/\.$/, '')}.`, 'failed');
  }

  #try(args: readonly string[]) {
    return this.#plan.runTool('launchctl', args);
  }
}

export async function plistText({
  folder,
  record,
  stopSeconds,
}: Omit<ServicePlan, 'runTool' | 'failpoint' | 'runner' | 'workFolders'>): Promise<string> {
  return fillTemplate(await readFile(join(folder.bin, 'paceline-runner.plist'), 'utf8'), {
    ROOT: folder.root,
    ROOT_PATH: escaped(folder.root),
    LABEL: escaped(record.name),
    SERVICE_RUNNER: escaped(join(folder.bin, 'runsvc.sh')),
    USER: record.runAs === null ? null : escaped(record.runAs),
    STOP_SECONDS: String(stopSeconds),
    LOG: escaped(join(folder.state, 'service.log')),
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
