import { readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { Failpoint } from '../kernel/failpoint.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { syncFolder } from '../kernel/write-durably.ts';
import { holderOf, takeLock } from '../journal/writer-lock.ts';
import { identityOf, isAlive } from '../process/process-identity.ts';
import { InstallProblem } from './install-problem.ts';
import type { RunnerFolder } from './runner-folder.ts';
import type { RunTool } from './run-tool.ts';
import type { Service } from './service.ts';
import { isOfVersion, killedAgent, runningAgent, startedAgent } from './upgrade-agent.ts';
import {
  readUpgradeJournal,
  removeUpgradeJournal,
  type UpgradeJournal,
  writeUpgradeJournal,
} from './upgrade-journal.ts';
import { fetchPackage, type PackageSource, shownSource } from './upgrade-source.ts';
import { putUnitBack, renewUnit } from './upgrade-unit.ts';
import { tryVersion } from './upgrade-trial.ts';
import { checkPackage, STAGING, unpackVersion, versionIn } from './upgrade-unpack.ts';
import { isVersionInUse } from './version-in-use.ts';

export interface UpgradeOptions extends PackageSource {
  readonly folder: RunnerFolder;
  /** What keeps the agent going; null: nothing does. */
  readonly service: Service | null;
  /**
   * `drain`: jobs end first, so that no job is ever in the hands of two versions. `now`: they go on in the workers of the
   * old version, which the new agent takes up.
   */
  readonly jobs: 'drain' | 'now';
  readonly platform: string;
  readonly runTool: RunTool;
  readonly clock: Clock;
  /** For people: what is done now, as sentences. */
  readonly tell: (sentence: string) => void;
  readonly failpoint: Failpoint;
}

export type UpgradeEnd =
  | { readonly kind: 'upgraded'; readonly from: string; readonly to: string; readonly runs: boolean }
  /** It was that version already. */
  | { readonly kind: 'same'; readonly version: string }
  /** The new one did not come up; the old one is back. `why` is a sentence. */
  | { readonly kind: 'returned'; readonly from: string; readonly to: string; readonly why: string };

/**
 * Brings a runner to the version of a package, or back to an older one. What was interrupted is completed by the same
 * call. Rejects with an {@link InstallProblem} or an `AgentProblem` before anything that runs was touched.
 */
export async function upgradeRunner(options: UpgradeOptions): Promise<UpgradeEnd> {
  const lock = `${options.folder.upgrade}.lock`;
  const unlock = takeLock(lock, { identity: identityOf(process.pid) ?? String(process.pid), isAlive });
  if (unlock === null) {
    const [, pid = 'unknown'] = holderOf(lock)?.split(' ') ?? [];
    throw new InstallProblem(`Another upgrade of ${options.folder.root} is under way (process ${pid}).`);
  }
  try {
    return await upgradeAlone(options);
  } finally {
    unlock();
  }
}

async function upgradeAlone(options: UpgradeOptions): Promise<UpgradeEnd> {
  const present = await readUpgradeJournal(options.folder);
  const hasStopped = present !== null && (present.stage === 'stopping' || isPast(present));
  if (!hasStopped) return begin(options);
  if (present.source !== shownSource(options.source))
    throw new InstallProblem(`An upgrade was interrupted: complete it first, by its package ${present.source}.`);
  return complete(options, present);
}

function isPast({ stage }: UpgradeJournal): boolean {
  return stage === 'swapped' || stage === 'returning';
}

async function begin(options: UpgradeOptions): Promise<UpgradeEnd> {
  const { folder, service, tell, failpoint, runTool } = options;
  const source = shownSource(options.source);
  const from = basename(await readlink(folder.bin));
  const agent = await runningAgent(folder);
  const runs = service !== null && (await service.status()).running;
  if (agent !== null && !runs)
    throw new InstallProblem(
      `An agent runs (process ${agent}) that no service would start again: end it first, by bin/paceline agent drain --folder '${folder.root}'.`,
    );
  const unit = (await service?.currentText()) ?? null;
  let journal: UpgradeJournal = { schema: 1, stage: 'unpacking', source, from, to: null, runs, unit };
  await writeUpgradeJournal(folder, journal);
  failpoint('upgrade-after-journal');
  const download = join(folder.versions, '.download');
  try {
    const tarball = await fetchPackage(options, download);
    if ((await versionIn(tarball, runTool)) === from) {
      await checkPackage({ ...options, tarball });
      await abandon(folder);
      return { kind: 'same', version: from };
    }
    const to = await unpackVersion({ ...options, tarball });
    failpoint('upgrade-after-unpack');
    tell(`Version ${to} is unpacked beside ${from}.`);
    await tryVersion(folder, to, runTool);
    await rm(download, { force: true });
    journal = { ...journal, stage: 'ready', to };
    await writeUpgradeJournal(folder, journal);
  } catch (error) {
    await abandon(folder);
    await rm(download, { force: true });
    throw error;
  }
  failpoint('upgrade-after-trial');
  return complete(options, journal);
}

/** Nothing that runs was touched: what was unpacked may stay until the next one. */
async function abandon(folder: RunnerFolder): Promise<void> {
  await removeTree(join(folder.versions, STAGING));
  await removeUpgradeJournal(folder);
}

/** From where it stands to its end; each step may have been done already. */
async function complete(options: UpgradeOptions, journal: UpgradeJournal): Promise<UpgradeEnd> {
  const { folder, service, failpoint } = options;
  const { from, to, runs } = journal;
  if (to === null) throw new Error('an upgrade has stopped the agent before it knew its version');
  if (journal.stage === 'returning') return goBack(options, journal, to, 'It was interrupted on the way back.');
  if (journal.stage !== 'swapped') {
    await writeUpgradeJournal(folder, { ...journal, stage: 'stopping' });
    failpoint('upgrade-after-intent');
    // Jobs that are to go on keep their agent until the new one is there.
    if (runs && service !== null && options.jobs === 'drain') await drain(options, service);
    failpoint('upgrade-after-stop');
    await pointTo(folder, to);
    failpoint('upgrade-after-swap');
    await writeUpgradeJournal(folder, { ...journal, stage: 'swapped' });
  }
  if (service !== null) await renewUnit(options, to);
  failpoint('upgrade-after-unit');
  if (runs && service !== null) {
    const why = await bringUp(options, service, to);
    if (why !== null) return goBack(options, journal, to, why);
  }
  failpoint('upgrade-before-end');
  await removeOthers(folder, [from, to]);
  await removeUpgradeJournal(folder);
  return { kind: 'upgraded', from, to, runs };
}

async function drain({ tell }: UpgradeOptions, service: Service): Promise<void> {
  tell('The agent ends when the jobs that run have ended.');
  await service.stop();
}

/** Null: an agent of that version has its session; else why not, as a sentence. */
async function bringUp(options: UpgradeOptions, service: Service, version: string): Promise<string | null> {
  const { folder, clock, tell, failpoint, jobs } = options;
  const pid = await runningAgent(folder);
  if (pid !== null && !(await isOfVersion(pid, version))) {
    if (jobs === 'drain') await drain(options, service);
    // As by a crash: its workers live on, and the next agent takes them up.
    else await killedAgent(pid, folder, clock);
  }
  failpoint('upgrade-before-start');
  tell(`The agent of version ${version} is started.`);
  return startedAgent(service, folder, version, clock);
}

async function goBack(options: UpgradeOptions, journal: UpgradeJournal, to: string, why: string): Promise<UpgradeEnd> {
  const { folder, service, tell, failpoint } = options;
  const { from, runs } = journal;
  await writeUpgradeJournal(folder, { ...journal, stage: 'returning' });
  failpoint('upgrade-before-return');
  tell(`Version ${to} did not come up; ${from} is put back.`);
  // With jobs that are to go on it would drain, without a session in which to keep them: it is killed for the old one.
  const keepsJobs = options.jobs === 'now' && (await runningAgent(folder)) !== null;
  if (service !== null && !keepsJobs) await service.stop().catch((error: unknown) => tell((error as Error).message));
  await pointTo(folder, from);
  if (service !== null && journal.unit !== null) await putUnitBack(service, journal.unit, tell);
  failpoint('upgrade-after-return');
  if (runs && service !== null) {
    const problem = await bringUp(options, service, from);
    if (problem !== null) tell(`Version ${from} does not come up either: ${problem}`);
  }
  await removeUpgradeJournal(folder);
  return { kind: 'returned', from, to, why };
}

/** One rename: whoever starts gets the one or the other. */
async function pointTo(folder: RunnerFolder, version: string): Promise<void> {
  const next = `${folder.bin}.new`;
  await stat(join(folder.versions, version, 'manifest.json'));
  await rm(next, { force: true });
  await symlink(join('versions', version), next);
  await rename(next, folder.bin);
  await syncFolder(folder.root);
}

async function removeOthers({ versions }: RunnerFolder, kept: readonly string[]): Promise<void> {
  for (const name of await readdir(versions))
    if (!kept.includes(name) && !(await isVersionInUse(join(versions, name)))) await removeTree(join(versions, name));
}
