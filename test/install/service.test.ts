/** The service of an installed runner, with a systemctl that notes what it is told. The real one: test/systemd. */
import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { agentExit, type AgentExitKind } from '../../src/agent/agent-exit.ts';
import { ENDED_AS_ASKED, EXIT, RESTART_IN_VAIN } from '../../src/cli/exit-codes.ts';
import { plistText } from '../../src/install/launchd-service.ts';
import { runnerFolder } from '../../src/install/runner-folder.ts';
import type { ServiceRecord } from '../../src/install/service-record.ts';
import { unitText } from '../../src/install/systemd-service.ts';
import { type Ended, runProgram, RunnerTree } from './runner-tree.ts';

const NAME = 'paceline-runner.build-1.service';
const SYSTEMD = 252;
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const isRoot = process.getuid?.() === 0;
/** `--user` is what an account without root has; both write the same files by the same steps. */
const SCOPE = isRoot ? [userInfo().username] : ['--user'];

let tree: RunnerTree;
let folder: string;
let units: string;
let environment: Record<string, string>;
beforeAll(async () => (tree = await RunnerTree.open()), 120_000);
afterAll(() => tree.close());
beforeEach(async () => {
  folder = tree.copy();
  units = `${folder} units`;
  await mkdir(units);
  await mkdir(join(folder, '_state'), { mode: 0o700 });
  const runner = { server: 'http://127.0.0.1:1', runner: 'r', name: 'build-1', labels: [], ephemeral: false };
  await writeFile(join(folder, '_state/runner.json'), JSON.stringify({ ...runner, signingKey: '', sealingKey: '' }));
  const tools = `${folder} tools`;
  await mkdir(tools);
  await writeFile(join(tools, 'systemctl'), SYSTEMCTL);
  await chmod(join(tools, 'systemctl'), 0o755);
  environment = {
    PATH: `${tools}:${process.env.PATH}`,
    PACELINE_UNIT_DIRECTORY: units,
    SYSTEMCTL_LOG: `${folder} log`,
    SYSTEMCTL_STATE: 'running',
  };
});
afterEach(() => rm(`${folder} log`, { force: true }));

/** It is told what to say; the words it was given stand in its log. */
const SYSTEMCTL = `#!/bin/sh
[ "$1" = --user ] && shift
echo "$*" >> "$SYSTEMCTL_LOG"
case $1 in
  is-system-running) echo "$SYSTEMCTL_STATE" ;;
  --version) echo 'systemd 252 (252.1)' ;;
  show) printf 'LoadState=loaded\\nActiveState=%s\\nSubState=dead\\nUnitFileState=enabled\\nMainPID=0\\n' "\${SYSTEMCTL_ACTIVE:-inactive}" ;;
  start) [ -z "\${SYSTEMCTL_FAILS-}" ] || { echo 'Job failed. See the journal.' >&2; exit 1; } ;;
esac
`;

function svc(args: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  return runProgram(join(folder, 'svc.sh'), args, { ...environment, ...more });
}

async function told(): Promise<string[]> {
  const text = await readFile(`${folder} log`, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '' && !/^(?:is-system-running|--version|show )/.test(line));
}

describe('svc.sh', () => {
  it('installs, starts, stops and uninstalls, and leaves nothing', async () => {
    expect(await svc(['install', ...SCOPE])).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(units)).toEqual([NAME]);
    expect((await lstat(join(units, NAME))).mode & 0o777).toBe(0o644);
    expect(await svc(['start'])).toMatchObject({ code: 0, stdout: `${NAME} runs.\n` });
    expect(await svc(['status'])).toMatchObject({ code: 1, stdout: expect.stringContaining('inactive (dead)') });
    expect(await svc(['status'], { SYSTEMCTL_ACTIVE: 'active' })).toMatchObject({ code: 0 });
    expect(JSON.parse((await svc(['status', '--json'])).stdout)).toMatchObject({
      name: NAME,
      enabled: true,
      pid: null,
    });
    expect(await svc(['stop'])).toMatchObject({ code: 0 });
    const out = await svc(['uninstall'], { SYSTEMCTL_ACTIVE: 'active' });
    expect(out).toMatchObject({ code: 0, stdout: `${NAME} is uninstalled.\n` });
    const stops = [`stop ${NAME}`, `kill --kill-who=all --signal=SIGKILL ${NAME}`];
    expect(await told()).toEqual(
      [
        ['daemon-reload', `enable ${NAME}`, `start ${NAME}`, ...stops],
        [...stops, `disable ${NAME}`, 'daemon-reload', `reset-failed ${NAME}`],
      ].flat(),
    );
    expect(await readdir(units)).toEqual([]);
    expect(await readdir(folder)).not.toContain('.service');
    expect(await svc(['status'])).toMatchObject({ code: 2 });
  });

  it.each(['service-after-record', 'service-after-unit', 'service-after-enable'])(
    'goes on where a power cut at %s ended it, and can be undone there as well',
    async (failpoint) => {
      expect(await svc(['install', ...SCOPE], { PACELINE_FAILPOINT: failpoint })).toMatchObject({ signal: 'SIGKILL' });
      // Nobody takes the registration away below what is half a service.
      const removed = await runProgram(join(folder, 'config.sh'), ['remove'], environment);
      expect(removed).toMatchObject({ code: 2 });
      expect(removed.stderr).toBe('paceline: A service runs this runner: uninstall it first, by ./svc.sh uninstall.\n');
      expect(await svc(['install', ...SCOPE])).toMatchObject({ code: 0, stderr: '' });
      expect(await svc(['install', ...SCOPE])).toMatchObject({ code: 2 });

      expect(await svc(['uninstall'])).toMatchObject({ code: 0 });
      expect(await svc(['install', ...SCOPE], { PACELINE_FAILPOINT: failpoint })).toMatchObject({ signal: 'SIGKILL' });
      expect(await svc(['uninstall'])).toMatchObject({ code: 0 });
      expect([await readdir(units), (await readdir(folder)).includes('.service')]).toEqual([[], false]);
    },
  );

  it('says in one sentence why it does nothing', async () => {
    const refused = async (args: readonly string[], more: Record<string, string> = {}): Promise<string> => {
      const { code, stdout, stderr } = await svc(args, more);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      return stderr.replace('paceline: ', '').trimEnd();
    };
    expect(await refused(['start'])).toBe(`No service is installed for ${folder}: ./svc.sh install makes one.`);
    expect(await refused(['install', ...SCOPE], { SYSTEMCTL_STATE: 'offline' })).toMatch(/systemd/);
    await writeFile(join(units, NAME), '[Unit]\nDescription=of somebody else\n');
    expect(await refused(['install', ...SCOPE])).toBe(
      `${join(units, NAME)} is there already, and not of the runner in ${folder}: remove that service, or name this runner otherwise.`,
    );
    expect(await readFile(join(units, NAME), 'utf8')).toContain('somebody else');
    await rm(join(units, NAME));
    await rm(join(folder, '_state/runner.json'));
    expect(await refused(['install', ...SCOPE])).toBe(`${folder} is not configured yet: ./config.sh comes first.`);
    expect(await told()).toEqual([]);
  });

  it('renews a unit that another version wrote, and says what keeps it from that', async () => {
    const file = join(units, NAME);
    expect(await svc(['renew'])).toMatchObject({ code: 2, stderr: expect.stringContaining('No service is installed') });
    await svc(['install', ...SCOPE]);
    const unit = await readFile(file, 'utf8');
    expect(await svc(['renew'])).toMatchObject({ code: 0, stdout: `${NAME} is as this version has it.\n` });
    await writeFile(file, `${unit}# of another version\n`);
    await mkdir(`${file}.new`);
    expect(await svc(['renew'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${file} cannot be written`),
    });
    await rm(`${file}.new`, { recursive: true });
    expect(JSON.parse((await svc(['renew', '--json'])).stdout)).toEqual({ name: NAME, renewed: true });
    expect(await readFile(file, 'utf8')).toBe(unit);
    expect((await told()).slice(2)).toEqual(['daemon-reload', 'daemon-reload']);
    await writeFile(file, '[Unit]\nDescription=of somebody else\n');
    expect(await svc(['renew'])).toMatchObject({ code: 2, stderr: expect.stringContaining('not of the runner in') });
    await rm(file);
    expect(await svc(['renew'])).toMatchObject({ code: 2, stderr: expect.stringContaining('is not there any more') });
  });

  it('says what systemd said when that fails', async () => {
    await svc(['install', ...SCOPE]);
    expect(await svc(['start'], { SYSTEMCTL_FAILS: 'yes' })).toMatchObject({
      code: EXIT.runFailed,
      stderr: `paceline: systemctl start ${NAME} failed: Job failed. See the journal.\n`,
    });
  });

  (isRoot ? it : it.skip)('runs jobs as whom root names, never as root unasked', async () => {
    const unasked = await svc(['install']);
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('Name the account') });
    expect(await svc(['install'], { SUDO_USER: 'root' })).toMatchObject({ code: 2, stderr: unasked.stderr });
    expect(await svc(['install', 'no-such'])).toMatchObject({ code: 2, stderr: expect.stringContaining("'no-such'") });
    expect(await svc(['install'], { SUDO_USER: 'nobody' })).toMatchObject({
      code: 2,
      stderr: `paceline: The runner's files are not nobody's: chown -R nobody '${folder}' gives them away.\n`,
    });
    expect(await readdir(units)).toEqual([]);
    expect(await svc(['install', '--run-as', 'root'])).toMatchObject({ code: 0 });
    expect(await readFile(join(units, NAME), 'utf8')).toMatch(/^User=root$/m);
  });

  (isRoot ? it : it.skip)('needs root for a service of the system', async () => {
    await chmod(tree.directory, 0o755);
    const asNobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', join(folder, 'svc.sh'), 'install'];
    const { code, stderr } = await runProgram('setpriv', asNobody, environment);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'paceline: A service of the system is for root to change: sudo ./svc.sh …; one of your own account: svc.sh install --user.\n',
    });
  });
});

describe('the unit', () => {
  it('restarts for what a restart can cure, and says which of our exit codes are which', async () => {
    const unit = await rendered('system');
    const codes = (key: string): number[] => setting(unit, key).split(' ').map(Number);
    expect(codes('RestartPreventExitStatus')).toEqual(RESTART_IN_VAIN);
    expect([0, ...codes('SuccessExitStatus')]).toEqual(ENDED_AS_ASKED);
    // A record, so that none is forgotten.
    const kinds: Record<AgentExitKind, 'asked' | 'in vain'> = {
      drained: 'asked',
      consumed: 'asked',
      idle: 'asked',
      left: 'asked',
      cancelled: 'asked',
      killed: 'asked',
      superseded: 'in vain',
      'other-machine': 'in vain',
      refused: 'in vain',
    };
    for (const [kind, meaning] of Object.entries(kinds)) {
      const { exitCode } = agentExit(kind as AgentExitKind, '', false);
      expect([kind, meaning === 'asked' ? ENDED_AS_ASKED : RESTART_IN_VAIN]).toEqual([
        kind,
        expect.arrayContaining([exitCode]),
      ]);
    }
    expect([...ENDED_AS_ASKED, ...RESTART_IN_VAIN]).not.toContain(EXIT.internal);
    expect(setting(unit, 'Restart')).toBe('on-failure');
  });

  it('gives a stop as long as the agent takes, and more', async () => {
    await writeFile(
      join(folder, 'runner.config.json'),
      '{"agent":{"drainTimeoutSeconds":1000,"flushTimeoutSeconds":20}}',
    );
    await svc(['install', ...SCOPE]);
    const unit = await readFile(join(units, NAME), 'utf8');
    // Cancelling may take 300 s and clean-up after it.
    expect(Number(setting(unit, 'TimeoutStopSec'))).toBeGreaterThan(1_320);
    expect(setting(unit, 'KillMode')).toBe('process');
  });

  it('has nothing of the environment in it', async () => {
    await writeFile(join(folder, '.env'), 'DEPLOY_KEY=hunter2\n');
    await svc(['install', ...SCOPE], { DEPLOY_KEY: 'hunter2', PACELINE_TOKEN: 'plr_hunter2' });
    const written = [join(units, NAME), join(folder, '.service')].map((file) => readFile(file, 'utf8'));
    expect((await Promise.all(written)).join('')).not.toContain('hunter2');
  });

  it('does without signs of life where systemd would not hear them', async () => {
    const unit = await rendered('system', 239);
    expect(setting(unit, 'Type')).toBe('exec');
    expect(unit).not.toContain('WatchdogSec');
  });

  (hasSystemd ? it : it.skip).each(['system', 'user'] as const)(
    'of a %s is one that systemd finds no fault with',
    async (scope) => {
      const file = join(units, NAME);
      await writeFile(file, await rendered(scope));
      const { stderr, code } = await runProgram('systemd-analyze', [`--${scope}`, '--man=no', 'verify', file], {
        XDG_RUNTIME_DIR: units,
        HOME: units,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  (hasSystemd ? it : it.skip)('is still one with the drop-in of docs/install.md, which hardens it', async () => {
    const page = await readFile(new URL('../../docs/install.md', import.meta.url), 'utf8');
    const dropIn = /```ini\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    const file = join(units, NAME);
    await writeFile(file, await rendered('system'));
    const exposure = async (): Promise<number> => {
      const { stdout } = await runProgram('systemd-analyze', ['security', '--offline=true', file]);
      return Number(/exposure level for \S+ ([\d.]+)/.exec(stdout)?.[1]);
    };
    const before = await exposure();
    await mkdir(`${file}.d`);
    await writeFile(join(`${file}.d`, 'hardening.conf'), dropIn);
    const verified = await runProgram('systemd-analyze', ['--man=no', 'verify', file]);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    // As the page says; versions of systemd differ by some tenths.
    expect([before > 8, (await exposure()) < 4]).toEqual([true, true]);
  });

  (hasSystemd ? it : it.skip)('can be enabled', async () => {
    const root = `${folder} root`;
    await mkdir(join(root, 'etc/systemd/system'), { recursive: true });
    await writeFile(join(root, 'etc/systemd/system', NAME), await rendered('system'));
    expect(await runProgram('systemctl', [`--root=${root}`, 'enable', NAME])).toMatchObject({ code: 0 });
    expect(await runProgram('systemctl', [`--root=${root}`, 'is-enabled', NAME])).toMatchObject({
      stdout: 'enabled\n',
    });
    expect(await readdir(join(root, 'etc/systemd/system/multi-user.target.wants'))).toEqual([NAME]);
  });
});

describe('the property list', () => {
  it.each(['system', 'user'] as const)('of a %s is filled', async (scope) => {
    const own = runnerFolder(folder);
    const text = await plistText({ folder: own, record: recordOf(scope, 'launchd'), stopSeconds: 77 });
    expect(text).not.toMatch(/\{\{|\}\}/);
    expect(text.match(/<(?!\/|\?|!|true|false)\w+/g)?.length).toBe(text.match(/<\/\w+>/g)?.length);
    expect(text.includes('<key>UserName</key><string>builder</string>')).toBe(scope === 'system');
    expect(text).toContain('<key>ExitTimeOut</key><integer>77</integer>');
    expect(text).toContain(`<string>${folder}/bin/runsvc.sh</string>\n    <string>launchd</string>`);
  });
});

function recordOf(scope: 'system' | 'user', manager: 'systemd' | 'launchd' = 'systemd'): ServiceRecord {
  const runAs = scope === 'system' ? (manager === 'systemd' ? 'root' : 'builder') : null;
  return { schema: 1, manager, scope, name: NAME, file: join(units, NAME), runAs, isComplete: true };
}

async function rendered(scope: 'system' | 'user', version = SYSTEMD): Promise<string> {
  const plan = { folder: runnerFolder(folder), runner: 'build-1', record: recordOf(scope), stopSeconds: 60 };
  const text = await unitText(plan, version);
  expect(text).not.toMatch(/\{\{|\}\}/);
  return text;
}

function setting(unit: string, key: string): string {
  return new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
}
