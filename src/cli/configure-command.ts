import type { ConfigureRunnerOptions } from '../install/configure-runner.ts';
import { asProblem } from './agent-problem.ts';
import { machineRunnerName, networkSettings } from './agent-machine.ts';
import { readSecretText } from './client/secret-text.ts';
import { serverUrl } from './client/server-choice.ts';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { configOf } from './config-of.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { failpointOf } from './failpoint-of.ts';
import { list, runnerNameProblem } from './option-values.ts';
import { installedFolder, placeOf } from './runner-place.ts';
import { warnOfRoot } from './warn-of-root.ts';

export interface ConfigureFlags {
  readonly folder: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly name?: string;
  readonly labels?: readonly string[];
  /** False: with --no-default-labels. */
  readonly defaultLabels: boolean;
  readonly slots?: number;
  readonly work?: string;
  readonly ephemeral?: boolean;
  readonly replace?: boolean;
  readonly unattended?: boolean;
  readonly force?: boolean;
}

/** Of GitHub's runner, with what one does here instead. Refused, so that nobody believes that they did something. */
export const FOREIGN_OPTIONS: Readonly<Record<string, string>> = {
  '--token <value>':
    'A token in an argument is seen by everybody on this machine: give it in PACELINE_TOKEN or by --token-file, and revoke this one.',
  '--pat <value>': 'There are no personal access tokens: a registration token is made by `paceline tokens create`.',
  '--runnergroup <name>':
    'The group of a runner is that of its registration token: `paceline tokens create NAME --kind registration --group GROUP` makes one.',
  '--runasservice': 'A service is installed by ./svc.sh install, after this.',
  '--generateServiceConfig': 'A service is installed by ./svc.sh install, after this.',
  '--monitorsocketaddress <address>':
    '--monitorsocketaddress does not exist here: `paceline agent status --json` tells what runs.',
  '--check': 'A machine is checked by `paceline doctor`.',
  '--local': '`bin/paceline agent remove --local --folder .` removes a runner here alone.',
};

/** `config.sh`: makes the folder a runner, or with `remove` takes it off its server. */
export async function configureCommand(
  action: string | undefined,
  flags: ConfigureFlags,
  host: CliHost,
): Promise<ExitCode> {
  for (const [option, sentence] of Object.entries(FOREIGN_OPTIONS))
    if (camelCase(option) in flags) throw new CommandProblem(EXIT.usage, sentence);
  const folder = installedFolder(flags.folder, host);
  const install = await import('../install/configure-runner.ts');
  switch (action) {
    case undefined: {
      await asProblem(install.refuseConfigured(folder));
      warnOfRoot(placeOf({ folder: flags.folder }, host).host);
      const { name } = await asProblem(install.configureRunner(await optionsOf(flags, host)));
      host.stdout.write(
        `${folder.root} is the runner ${name} now. ./run.sh takes jobs; sudo ./svc.sh install makes it a service.\n`,
      );
      return EXIT.success;
    }
    case 'remove': {
      const config = await configOf(undefined, placeOf({ folder: flags.folder }, host).host);
      const { force = false } = flags;
      const remove = { force, local: false, network: networkSettings(config, host), version: host.version };
      await asProblem(install.removeRunner(folder, remove));
      host.stdout.write(`${folder.root} is no runner any more.\n`);
      return EXIT.success;
    }
    case 'environment': {
      const { keepEnvironment } = await import('../install/keep-environment.ts');
      await asProblem(keepEnvironment(folder, host.environment));
      host.stdout.write(
        `${folder.path} and ${folder.environment} have this environment now; a service takes it at its next start.\n`,
      );
      return EXIT.success;
    }
    default:
      throw new CommandProblem(EXIT.usage, `'${action}' is nothing to do here; there are 'remove' and 'environment'.`);
  }
}

/** What was not given is asked for, at a terminal, unless nobody is to be asked. */
async function optionsOf(flags: ConfigureFlags, host: CliHost): Promise<ConfigureRunnerOptions> {
  const place = placeOf({ folder: flags.folder }, host);
  const config = await configOf(undefined, place.host);
  const ask = flags.unattended === true ? null : host.ask;
  const answer = async (question: string, usual: string): Promise<string> =>
    (ask && (await ask(`${question}${usual && ` [${usual}]`}: `, false))) || usual;
  const isAsked = flags.url === undefined && ask !== null;

  const known = flags.url ?? config.agent.server ?? (host.environment.PACELINE_SERVER || '');
  const url = flags.url ?? (await answer('Address of the server', known));
  if (url === '') throw new CommandProblem(EXIT.usage, 'No server is named: --url URL or PACELINE_SERVER does it.');
  const server = serverUrl(url);
  if (/^https:\/\/github\.com(?:\/|$)/.test(server))
    throw new CommandProblem(EXIT.usage, `${server} is GitHub's; --url is the address of a Paceline server.`);
  if (flags.name !== undefined) demandName(flags.name);
  const token = await tokenOf(flags, ask, host);
  const name = flags.name ?? (isAsked ? await answer('Name of the runner', machineRunnerName()) : machineRunnerName());
  demandName(name);
  const labels = flags.labels ?? (isAsked ? list(await answer('Labels, separated by commas', '')) : []);
  if (!flags.defaultLabels && labels.length === 0)
    throw new CommandProblem(EXIT.usage, 'A runner without labels gets no jobs: --no-default-labels needs --labels.');
  return {
    folder: installedFolder(flags.folder, host),
    server,
    token,
    name,
    labels,
    withoutDefaultLabels: !flags.defaultLabels,
    slots: flags.slots ?? null,
    work: flags.work ?? null,
    ephemeral: flags.ephemeral ?? false,
    replace: flags.replace ?? false,
    environment: host.environment,
    network: networkSettings(config, place.host),
    failpoint: failpointOf(host) ?? (() => undefined),
  };
}

function demandName(name: string): void {
  const problem = runnerNameProblem(name);
  if (problem !== null) throw new CommandProblem(EXIT.usage, problem);
}

async function tokenOf({ tokenFile }: ConfigureFlags, ask: CliHost['ask'], host: CliHost): Promise<string> {
  if (tokenFile !== undefined) return (await readSecretText(tokenFile, '--token-file', host)).trim();
  const { PACELINE_TOKEN } = host.environment;
  const token = PACELINE_TOKEN?.trim() || (ask && (await ask('Registration token (not shown): ', true))) || '';
  if (token === '')
    throw new CommandProblem(
      EXIT.usage,
      'There is no registration token: PACELINE_TOKEN or --token-file gives it; `paceline tokens create --kind registration` makes one.',
    );
  return token;
}

/** As the parser keys it. */
function camelCase(option: string): string {
  const [name = ''] = option.slice(2).split(' ');
  return name.replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
}
