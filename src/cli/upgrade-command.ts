import { resolve } from 'node:path';
import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import type { RunnerFolder } from '../install/runner-folder.ts';
import { systemClock } from '../kernel/clock.ts';
import { networkSettings } from './agent-machine.ts';
import { asProblem } from './agent-problem.ts';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { configOf } from './config-of.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { failpointOf } from './failpoint-of.ts';
import { installedFolder, placeOf } from './runner-place.ts';
import { serviceMachine } from './service-command.ts';

export interface UpgradeFlags {
  readonly folder: string;
  readonly sha256?: string;
  readonly now?: boolean;
}

/** 0: it is that version now, or was; 1: the old one is back. */
export async function upgradeCommand(given: string, flags: UpgradeFlags, host: CliHost): Promise<ExitCode> {
  if (flags.sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(flags.sha256))
    throw new CommandProblem(EXIT.usage, '--sha256 takes the 64 digits of a checksum.');
  const folder = installedFolder(flags.folder, host);
  const [{ upgradeRunner }, { isAddress, shownSource }, { readServiceRecord }, { installedService }] =
    await Promise.all([
      import('../install/upgrade.ts'),
      import('../install/upgrade-source.ts'),
      import('../install/service-record.ts'),
      import('../install/open-service.ts'),
    ]);
  const { machine } = await serviceMachine(flags, host);
  const source = isAddress(given) ? given : resolve(host.directory, given);
  const options = [
    ...(flags.sha256 === undefined ? [] : [`--sha256 ${flags.sha256}`]),
    ...(flags.now ? ['--now'] : []),
  ];
  const words = [
    `'${folder.bin}/paceline' agent upgrade '${shownSource(source)}' --folder '${folder.root}'`,
    ...options,
  ];
  const hasService = (await asProblem(readServiceRecord(folder))) !== null;
  const installed = hasService ? await asProblem(installedService(folder, machine, words.join(' '))) : null;
  const end = await asProblem(
    upgradeRunner({
      folder,
      source,
      sha256: flags.sha256 ?? null,
      network: await networkOf(folder, host),
      service: installed?.service ?? null,
      jobs: flags.now === true ? 'now' : 'drain',
      platform: `${process.platform}-${process.arch}`,
      runTool: machine.runTool,
      clock: systemClock,
      tell: (sentence) => host.stderr.write(`${sentence}\n`),
      failpoint: failpointOf(host) ?? (() => undefined),
    }),
  );
  switch (end.kind) {
    case 'same':
      host.stdout.write(`Version ${end.version} is in use already.\n`);
      return EXIT.success;
    case 'upgraded':
      host.stdout.write(
        `${folder.root} is at version ${end.to} now${end.runs ? ', and its agent is connected' : ''}; ${end.from} is kept.\n`,
      );
      return EXIT.success;
    case 'returned':
      host.stdout.write(`${folder.root} is at version ${end.from} again: ${end.to} did not come up. ${end.why}\n`);
      return EXIT.runFailed;
  }
}

/** What an account of jobs says of proxies and certificates is not what root is to fetch its programs by. */
async function networkOf(folder: RunnerFolder, host: CliHost): Promise<NetworkSettings> {
  const { accountOf } = await import('../install/program-owner.ts');
  const isOfAnother = (await accountOf(folder)) !== null;
  const { host: placed } = isOfAnother ? { host: { ...host, directory: '/' } } : placeOf({ folder: folder.root }, host);
  return networkSettings(await configOf(undefined, placed), placed);
}
