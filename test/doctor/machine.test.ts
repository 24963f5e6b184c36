/** What the doctor says of the machine and of the runner's folders. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { allChecks } from '../../src/doctor/all-checks.ts';
import type { DoctorSubject } from '../../src/doctor/doctor-subject.ts';
import { type CheckResult, runChecks } from '../../src/doctor/run-checks.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { findCommand } from '../../src/process/find-command.ts';
import { subjectWith } from './subject.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-doctor-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function look(given: Partial<DoctorSubject>): Promise<Record<string, CheckResult>> {
  const results = await runChecks(allChecks(subjectWith(given)), systemClock);
  return Object.fromEntries(results.map((result) => [result.id, result] as const));
}

/** A folder with these commands alone. */
async function pathWith(...names: string[]): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const name of names) {
    const command = await findCommand(name, process.env.PATH ?? '', '/');
    if (command === null) throw new Error(`${name} is not here`);
    await symlink(command, join(bin, name));
  }
  return bin;
}

describe('every finding', () => {
  it('on a machine without anything is a sentence, with a way out where something is wrong', async () => {
    const results = Object.values(await look({ environment: {}, nodeVersion: 'v18.0.0' }));
    for (const { id, found, remedy, verdict } of results) {
      expect([id, found]).toEqual([id, expect.stringMatching(/^\S.*\.$/)]);
      if (verdict === 'wrong') expect([id, remedy]).toEqual([id, expect.any(String)]);
      if (verdict === 'ok' || verdict === 'skipped') expect([id, remedy]).toEqual([id, null]);
    }
    expect(results.filter(({ verdict }) => verdict === 'wrong').map(({ id }) => id)).toEqual(['node', 'git', 'shells']);
  });
});

describe('tools', () => {
  it('without bash are a note, without git and shells wrong', async () => {
    const found = await look({ environment: { PATH: await pathWith('sh', 'git') } });
    expect(found).toMatchObject({
      shells: { verdict: 'note' },
      git: { verdict: 'ok' },
      containers: { verdict: 'note' },
    });
  });

  it('that do not start are wrong', async () => {
    await writeFile(join(folder, 'git'), '#!/nowhere\n', { mode: 0o755 });
    expect((await look({ environment: { PATH: folder } })).git).toMatchObject({
      verdict: 'wrong',
      found: expect.stringContaining('does not start'),
    });
  });
});

describe('the disk', () => {
  it('with less than agent.minFreeDiskMb is wrong, for folders that are not there yet too', async () => {
    const stateDirectory = join(folder, 'not/there/yet');
    expect((await look({ stateDirectory })).disk).toMatchObject({ verdict: expect.stringMatching(/ok|note/) });
    expect((await look({ stateDirectory, minFreeDiskMb: 1_000_000_000 })).disk).toMatchObject({
      verdict: 'wrong',
      found: expect.stringContaining('agent.minFreeDiskMb'),
    });
  });
});

describe('credentials', () => {
  it('that others may read are wrong', async () => {
    const credentials = join(folder, 'runner.json');
    await chmod(folder, 0o700);
    await writeFile(credentials, '{}', { mode: 0o600 });
    expect((await look({ stateDirectory: folder })).permissions).toMatchObject({ verdict: 'ok' });
    await chmod(credentials, 0o644);
    expect((await look({ stateDirectory: folder })).permissions).toMatchObject({
      verdict: 'wrong',
      found: expect.stringContaining('0644'),
      remedy: expect.stringContaining(`chmod 600 ${credentials}`),
    });
    await chmod(credentials, 0o600);
    await chmod(folder, 0o755);
    expect((await look({ stateDirectory: folder })).permissions).toMatchObject({ verdict: 'note' });
  });

  it('that are damaged are wrong', async () => {
    const registration = { kind: 'unreadable', why: 'The credentials are damaged.' } as const;
    expect((await look({ registration })).registration).toMatchObject({ verdict: 'wrong' });
  });
});

describe('the service', () => {
  async function ask(record: object, says: string): Promise<CheckResult | undefined> {
    const serviceFile = join(folder, '.service');
    await writeFile(serviceFile, JSON.stringify({ name: 'paceline-runner.x.service', ...record }));
    await writeFile(join(folder, 'systemctl'), `#!/bin/sh\n[ "$1" = --user ] && shift && printf '${says}'\n`, {
      mode: 0o755,
    });
    return (await look({ serviceFile, environment: { PATH: `${folder}:${process.env.PATH ?? ''}` } })).service;
  }

  it('of an account is asked for there: one that does not run is wrong, one that does not start by itself a note', async () => {
    const record = { manager: 'systemd', scope: 'user' };
    expect(await ask(record, 'ActiveState=active\\nUnitFileState=enabled\\n')).toMatchObject({ verdict: 'ok' });
    expect(await ask(record, 'ActiveState=failed\\nUnitFileState=enabled\\n')).toMatchObject({ verdict: 'wrong' });
    expect(await ask(record, 'ActiveState=active\\nUnitFileState=disabled\\n')).toMatchObject({ verdict: 'note' });
  });
});

describe('leftovers', () => {
  it('are processes of a job that nobody stands above, by their ids', async () => {
    // The shell in between ends at once, so that the process hangs on nothing of ours.
    const shell = spawn('sh', ['-c', 'sleep 600 >/dev/null 2>&1 & echo $!'], {
      env: { PATH: process.env.PATH, RUNNER_TRACKING_ID: 'paceline_of-a-job-long-gone.1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    for await (const block of shell.stdout) text += String(block);
    const pid = Number(text);
    try {
      const { leftovers } = await look({});
      expect(leftovers).toMatchObject({ verdict: 'note', found: expect.stringContaining(`sleep (${pid})`) });
      expect(leftovers?.remedy).toMatch(/End them: kill .*\d/);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('are jobs that no agent reports, and sockets of nobody', async () => {
    await mkdir(join(folder, 'attempts/a.1'), { recursive: true });
    await writeFile(join(folder, '999999999.sock'), '');
    const { leftovers } = await look({ stateDirectory: folder, runtimeDirectory: folder });
    expect(leftovers?.found).toContain('1 jobs are on the disk');
    expect(leftovers?.found).toContain('1 sockets of processes that are gone');
  });
});

describe('what was made wrong by hand', () => {
  it('in the configuration is said, as is a health script that cannot be started', async () => {
    const configuration = { problems: ['runner.config.json:1: unknown key.'], healthScript: null };
    expect((await look({ configuration })).configuration).toMatchObject({
      verdict: 'wrong',
      found: 'runner.config.json:1: unknown key.',
    });
    const missing = { problems: [], healthScript: join(folder, 'none.sh') };
    expect((await look({ configuration: missing })).configuration).toMatchObject({ verdict: 'wrong' });
    await writeFile(join(folder, 'none.sh'), '#!/bin/sh\n', { mode: 0o755 });
    expect((await look({ configuration: missing })).configuration).toMatchObject({ verdict: 'ok' });
  });

  it('in .service and in the place of the state is wrong', async () => {
    const serviceFile = join(folder, '.service');
    const stateDirectory = join(folder, '_state');
    await writeFile(serviceFile, '{"na');
    await writeFile(stateDirectory, '');
    const { service } = await look({ serviceFile });
    const { permissions } = await look({ stateDirectory });
    expect([service, permissions]).toMatchObject([
      { verdict: 'wrong', found: expect.stringContaining('.service is damaged') },
      { verdict: 'wrong', found: `${stateDirectory} is a file, and no folder.` },
    ]);
  });
});
