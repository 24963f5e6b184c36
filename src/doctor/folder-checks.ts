import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CREDENTIALS_FILE } from '../agent/identity.ts';
import { lockHolder } from '../agent/state-lock.ts';
import type { Check, Finding } from './check.ts';
import { commandOutput } from './command-output.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { note, ok, skipped, wrong } from './findings.ts';

/** The runner's own folders, and what keeps it going. */
export function folderChecks(subject: DoctorSubject): Check[] {
  return [
    { id: 'permissions', title: 'Permissions', run: () => lookAtPermissions(subject) },
    { id: 'service', title: 'Agent and service', run: (signal) => lookAtService(subject, signal) },
  ];
}

const NOT_OF_OWNER = 0o077;
const MODE_BITS = 0o777;

async function lookAtPermissions({ stateDirectory, network }: DoctorSubject): Promise<Finding> {
  const state = await facts(stateDirectory);
  if (state === null) return skipped(`There is no ${stateDirectory} yet.`);
  if (!state.isFolder)
    return wrong(`${stateDirectory} is a file, and no folder.`, 'Move it away, and register the runner again.');
  const credentials = join(stateDirectory, CREDENTIALS_FILE);
  const { clientKeyFile } = network.tls;
  for (const path of [credentials, ...(clientKeyFile === null ? [] : [clientKeyFile])]) {
    const file = await facts(path);
    if (file !== null && (file.mode & NOT_OF_OWNER) !== 0)
      return wrong(`Others may read ${path} (${modeText(file.mode)}).`, `Take that from them: chmod 600 ${path}`);
  }
  const owner = await facts(credentials);
  if (owner !== null && owner.uid !== state.uid)
    return wrong(
      `${credentials} belongs to another account (${owner.uid}) than ${stateDirectory} (${state.uid}).`,
      `Give all of it to the account that the agent runs as: chown -R ACCOUNT ${stateDirectory}`,
    );
  if ((state.mode & NOT_OF_OWNER) !== 0)
    return note(`Others may enter ${stateDirectory} (${modeText(state.mode)}).`, `chmod 700 ${stateDirectory}`);
  try {
    await access(stateDirectory, constants.W_OK);
  } catch {
    // It may be another account's: then that one is asked.
    return note(
      `This account may not write to ${stateDirectory}.`,
      'Call the doctor as the account that the agent runs as.',
    );
  }
  return ok(`${stateDirectory} and its credentials are their owner's alone.`);
}

async function facts(
  path: string,
): Promise<{ readonly mode: number; readonly uid: number; readonly isFolder: boolean } | null> {
  try {
    const found = await stat(path);
    return { mode: found.mode, uid: found.uid, isFolder: found.isDirectory() };
  } catch {
    // None is there, or the folder above is closed to us.
    return null;
  }
}

function modeText(mode: number): string {
  return (mode & MODE_BITS).toString(8).padStart(4, '0');
}

async function lookAtService(subject: DoctorSubject, signal: AbortSignal): Promise<Finding> {
  const { serviceFile, stateDirectory, registration, environment } = subject;
  const pid = lockHolder(stateDirectory);
  const agent = pid === null ? 'No agent runs' : `The agent runs (process ${pid})`;
  const service = serviceFile === null ? null : await installedService(serviceFile);
  if (service === 'damaged')
    return wrong(
      `${agent}; ${serviceFile} is damaged, so that nobody knows its service.`,
      'Remove that file and the service that it was about by hand, then install it again: svc.sh install.',
    );
  if (service === null) {
    if (registration.kind === 'none') return skipped('No runner is registered, so no agent runs.');
    const found = `${agent}; no service keeps it going.`;
    return pid === null ? note(found, 'Start it: `paceline agent run`, or install it as a service.') : ok(found);
  }
  const { name, manager, scope } = service;
  const args = [...(scope === 'user' ? ['--user'] : []), 'show', '--property=ActiveState,UnitFileState', name];
  const text = manager === 'systemd' ? await commandOutput('systemctl', args, environment, signal) : null;
  if (text === null) return note(`${agent}; the service ${name} cannot be asked for from here.`, null);
  const [, state = 'unknown'] = /^ActiveState=(.*)$/m.exec(text) ?? [];
  const isEnabled = /^UnitFileState=enabled/m.test(text);
  const found = `${agent}; the service ${name} is ${state}${isEnabled ? '' : ', and does not start with the machine'}.`;
  if (state !== 'active')
    return wrong(found, 'Start it: svc.sh start, and see `journalctl -u` of it for why it ended.');
  return isEnabled ? ok(found) : note(found, `systemctl enable ${name}`);
}

/** What `install/service-record` writes, as far as it is of use here. */
interface InstalledService {
  readonly name: string;
  readonly manager: 'systemd' | 'launchd';
  readonly scope: 'system' | 'user';
}

/** Null: none was installed for the folder. */
async function installedService(path: string): Promise<InstalledService | 'damaged' | null> {
  try {
    const { name, manager, scope } = JSON.parse(await readFile(path, 'utf8')) as Partial<InstalledService>;
    return name === undefined || manager === undefined || scope === undefined ? 'damaged' : { name, manager, scope };
  } catch (error) {
    // None was installed, or the folder is closed to us; what the system has no code for is not JSON.
    return (error as NodeJS.ErrnoException).code === undefined ? 'damaged' : null;
  }
}
