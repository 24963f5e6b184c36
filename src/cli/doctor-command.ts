import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { loadRunnerConfig } from '../config/load-runner-config.ts';
import { DEFAULT_RUNNER_CONFIG, type RunnerConfig } from '../config/runner-config.ts';
import type { CheckResult } from '../doctor/run-checks.ts';
import type { DoctorSubject, Registration } from '../doctor/doctor-subject.ts';
import { systemClock } from '../kernel/clock.ts';
import { networkSettings, runtimeDirectory, stateDirectory } from './agent-machine.ts';
import { becomeOwner } from './become-owner.ts';
import type { CliHost } from './cli-host.ts';
import { paletteFor, printJson } from './client/print.ts';
import { serverUrl } from './client/server-choice.ts';
import { configFile } from './config-of.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { installedFolder, placeOf, type PlaceFlags } from './runner-place.ts';

export interface DoctorFlags extends PlaceFlags {
  readonly server?: string;
  readonly json?: boolean;
  readonly color: boolean;
}

/** Looks at everything and says what is wrong: exit code 1 when something is. */
export async function doctorCommand(given: DoctorFlags, givenHost: CliHost): Promise<ExitCode> {
  // All that is loaded on the way: the account of a runner may not read the programs of whoever calls.
  const [{ runChecks }, { allChecks }] = await Promise.all([
    import('../doctor/run-checks.ts'),
    import('../doctor/all-checks.ts'),
    import('../agent/identity.ts'),
    import('../config/check-runner-config.ts'),
    import('undici'),
  ]);
  if (given.folder !== undefined) becomeOwner(resolve(givenHost.directory, given.folder));
  const { flags, host } = placeOf(given, givenHost, 'tell');
  const results = await runChecks(allChecks(await subjectOf(flags, host)), systemClock);
  if (flags.json === true) printJson({ checks: results }, host);
  else print(results, flags, host);
  return results.some(({ verdict }) => verdict === 'wrong') ? EXIT.runFailed : EXIT.success;
}

async function subjectOf(flags: DoctorFlags, host: CliHost): Promise<DoctorSubject> {
  const { config, problems } = await configFound(flags, host);
  const state = stateDirectory(flags.state, config, host);
  const registration = await registrationIn(state);
  const known = registration.kind === 'registered' ? registration.identity.server : null;
  const server = flags.server ?? config.agent.server ?? known ?? (host.environment.PACELINE_SERVER || null);
  return {
    serviceFile: flags.folder === undefined ? null : installedFolder(flags.folder, host).service,
    configuration: { problems, healthScript: config.agent.healthScript },
    stateDirectory: state,
    runtimeDirectory: runtimeDirectory(state, host),
    temporaryDirectory: config.workDirectory ?? (host.environment.TMPDIR || tmpdir()),
    minFreeDiskMb: config.agent.minFreeDiskMb,
    registration,
    server: server === null ? null : serverUrl(server),
    network: networkSettings(config, host),
    environment: host.environment,
    nodeVersion: process.version,
    clock: systemClock,
  };
}

/** One that is wrong is for a check to say: the others look with the defaults. */
async function configFound(
  { config: given }: DoctorFlags,
  host: CliHost,
): Promise<{ readonly config: RunnerConfig; readonly problems: readonly string[] }> {
  const { environment, directory } = host;
  const file = configFile(given, directory, host);
  const loaded = await loadRunnerConfig({ file, environment, directory });
  if (loaded.kind === 'loaded') return { config: loaded.config, problems: [] };
  const problems = loaded.diagnostics.map(({ file: where, line, message }) => `${where}:${line}: ${message}`);
  return { config: DEFAULT_RUNNER_CONFIG, problems };
}

async function registrationIn(state: string): Promise<Registration> {
  const { readIdentity } = await import('../agent/identity.ts');
  try {
    const identity = await readIdentity(state);
    return identity === null ? { kind: 'none' } : { kind: 'registered', identity };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return { kind: 'closed', owner: await ownerOf(state) };
    return { kind: 'unreadable', why: error.message };
  }
}

/** Null: not even that can be seen. */
function ownerOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ uid }) => uid,
    () => null,
  );
}

const SIGNS: Readonly<Record<CheckResult['verdict'], string>> = {
  ok: 'ok',
  note: 'note',
  wrong: 'WRONG',
  skipped: '-',
};

function print(results: readonly CheckResult[], flags: DoctorFlags, host: CliHost): void {
  const { stdout } = host;
  const { green, yellow, red, dim } = paletteFor(flags, host);
  const paint = { ok: green, note: yellow, wrong: red, skipped: dim };
  const width = Math.max(...results.map(({ title }) => title.length));
  const signWidth = Math.max(...Object.values(SIGNS).map((sign) => sign.length));
  for (const { verdict, title, found, remedy } of results) {
    const sign = paint[verdict](SIGNS[verdict].padEnd(signWidth));
    stdout.write(`${sign}  ${title.padEnd(width)}  ${found}\n`);
    if (remedy !== null) stdout.write(`${' '.repeat(signWidth + width + 4)}→ ${remedy}\n`);
  }
  const count = results.filter(({ verdict }) => verdict === 'wrong').length;
  stdout.write(
    `\n${count === 0 ? 'Nothing is wrong.' : count === 1 ? '1 thing is wrong.' : `${count} things are wrong.`}\n`,
  );
}
