/**
 * The tests go on where those before them stopped: one machine, one runner, from its installation to its end. That is why
 * they are one file: to boot a machine and to give it a runner costs more than most of them.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RunnerIdentity } from '../../src/agent/identity.ts';
import { describeSystemd } from '../support/systemd.ts';
import { ACCOUNT, OWN_RUNNER, RUNNER, ServiceBench, UNIT } from './service-bench.ts';

const UNIT_FILE = `/etc/systemd/system/${UNIT}`;
const OPERATE_PAGE = new URL('../../docs/operate.md', import.meta.url);
const INSTALL_PAGE = new URL('../../docs/install.md', import.meta.url);
/** The step's, below the service's; at the end of a line of its log. */
const OWN_CGROUP = new RegExp(`0::/system.slice/${UNIT}/paceline-[^/]+/0$`, 'm');
/** Named anew at each boot. */
const OF_SYSTEMD = /\/systemd-private-|^\/run\/systemd\/journal\/|^\/run\/log\/|^\/var\/log\/journal\//;
const BOOT_LIMIT_MS = 60_000;
/** A package with a Node.js is packed, unpacked, tried and hashed. */
const UPGRADE_LIMIT_MS = 90_000;
const FAILPOINTS = ['service-after-record', 'service-after-unit', 'service-after-enable'];

describeSystemd('a runner as a service of systemd', () => {
  let bench: ServiceBench;
  let before: string[];

  beforeAll(async () => {
    bench = await ServiceBench.open();
    before = await bench.machine.changedFiles();
  }, BOOT_LIMIT_MS);
  afterAll(() => bench.close());

  /** What is there that was not there when the machine had a runner and no service. */
  const added = async (): Promise<string[]> => {
    const known = new Set(before);
    return (await bench.machine.changedFiles()).filter((path) => !known.has(path));
  };

  it('is installed by root alone', async () => {
    const { code, stderr } = await bench.machine.run('./svc.sh install', { user: ACCOUNT, directory: RUNNER });
    expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 2, lines: 1 });
    expect(stderr).toMatch(/root|sudo/);
  });

  it.each(FAILPOINTS)('is completed by the same command when its installation was killed at %s', async (point) => {
    expect(await bench.svc(`install ${ACCOUNT}`, { PACELINE_FAILPOINT: point })).toMatchObject({ code: 137 });
    expect(await bench.svc(`install ${ACCOUNT}`)).toMatchObject({ code: 0 });
    expect(await bench.machine.ask(`systemctl is-enabled ${UNIT}`)).toBe('enabled');
    expect(await bench.svc('uninstall')).toMatchObject({ code: 0 });
    expect(await added()).toEqual([]);
  });

  it('is enabled by its installation, and not started', async () => {
    expect(await bench.svc(`install ${ACCOUNT}`)).toMatchObject({ code: 0 });
    expect(await bench.show('UnitFileState')).toBe('enabled');
    expect(await bench.show('ActiveState')).toBe('inactive');
    expect(await bench.machine.run(`systemd-analyze verify ${UNIT_FILE}`)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await bench.svc(`install ${ACCOUNT}`)).toMatchObject({ code: 2 });
  });

  it('takes jobs when it is started, each in a control group of its own', async () => {
    expect(await bench.svc('start')).toMatchObject({ code: 0 });
    expect(await bench.show('ActiveState')).toBe('active');
    const script =
      `if (echo >> ${RUNNER}/svc.sh) 2>/dev/null || rm ${RUNNER}/bin 2>/dev/null; then exit 1; fi; ` +
      'id -un; cat /proc/self/cgroup; env | grep -E "^(NOTIFY|WATCHDOG|INVOCATION|JOURNAL|SYSTEMD)" || true';
    const run = await bench.submit(script);
    expect(await bench.plane.completed(run)).toMatchObject({ conclusion: 'success' });
    const log = await bench.log(run, 2);
    const said = log.slice(log.indexOf('##[endgroup]')).trim().split('\n').slice(1);
    expect(said[0]).toBe(ACCOUNT);
    expect(said.at(-1)).toMatch(OWN_CGROUP);
    expect(await bench.svc('status')).toMatchObject({ code: 0 });
  });

  it('shows no secret to others: not in the unit, the journal or the list of processes', async () => {
    const { machine, plane, gates } = bench;
    await plane.request('PUT', '/v1/secrets/TOP', { value: 'a secret of the server' });
    const run = await bench.submit(`echo "$TOP"; ${gates.lines('secret')}`, {
      env: { TOP: '${{ secrets.TOP }}' },
    });
    const visit = await gates.arrival('secret');
    const seen = [
      await machine.ask(`cat ${UNIT_FILE}; cat ${RUNNER}/.service`),
      await machine.ask(`systemctl show ${UNIT}; systemctl status ${UNIT}`, { user: 'daemon' }),
      await machine.ask('ps -eo args,environ', { user: 'daemon' }),
      await machine.ask('journalctl --all'),
    ].join('\n');
    const { signingKey, sealingKey } = JSON.parse(
      await machine.ask(`cat ${RUNNER}/_state/runner.json`),
    ) as RunnerIdentity;
    const secrets = [...bench.tokens, signingKey, sealingKey, 'a secret of the server'];
    expect(secrets.filter((secret) => seen.includes(secret))).toEqual([]);
    const { stderr } = await machine.run(`cat ${RUNNER}/_state/runner.json`, { user: 'daemon' });
    expect(stderr).toContain('Permission denied');
    visit.release();
    expect(await plane.completed(run)).toMatchObject({ conclusion: 'success' });
  });

  it('goes on with a job in the same worker when the agent is killed', async () => {
    const { machine, plane, gates } = bench;
    const run = await bench.submit(`${gates.lines('killed', '$PPID')}; echo "went on under $PPID"`);
    const visit = await gates.arrival('killed');
    const place = await bench.journalPlace();
    await machine.ask(`kill -9 ${await bench.show('MainPID')}`);
    await bench.saying('Started', place);
    visit.release();
    expect(await plane.completed(run)).toMatchObject({ conclusion: 'success', attempt: 1 });
    expect(await bench.log(run, 2)).toContain(`went on under ${visit.words[0]!}`);
    expect(await bench.show('NRestarts')).toBe('1');
  });

  it('is started again when it stands still, and the job goes on', async () => {
    const { machine, plane, gates } = bench;
    await bench.adjust('[Service]\nWatchdogSec=3\nRestartSec=0\n');
    await machine.ask(`systemctl restart ${UNIT}`);
    const run = await bench.submit(gates.lines('stopped'));
    const visit = await gates.arrival('stopped');
    const place = await bench.journalPlace();
    await machine.ask(`kill -STOP ${await bench.show('MainPID')}`);
    await bench.saying('Started', place);
    visit.release();
    expect(await plane.completed(run)).toMatchObject({ conclusion: 'success' });
    await bench.adjustNothing();
  });

  it('lets its job end when it is stopped', async () => {
    const { plane, gates } = bench;
    const run = await bench.submit(gates.lines('drained'));
    const visit = await gates.arrival('drained');
    const place = await bench.journalPlace();
    const stopped = bench.svc('stop');
    await bench.saying('Draining', place);
    const next = await bench.submit('true');
    visit.release();
    expect(await stopped).toMatchObject({ code: 0 });
    expect(await bench.show('ActiveState,Result')).toBe('success\ninactive');
    expect(await plane.show(run)).toMatchObject({ state: 'completed', conclusion: 'success' });
    expect(await bench.processes()).toEqual([]);
    expect(await bench.svc('start')).toMatchObject({ code: 0 });
    expect(await plane.completed(next)).toMatchObject({ conclusion: 'success' });
  });

  it('leaves nothing of a job alive when a stop takes too long', async () => {
    const { machine, plane, gates } = bench;
    await bench.adjust('[Service]\nTimeoutStopSec=1\n');
    const daemon = `setsid bash -c 'trap "" TERM INT; ${gates.lines('daemon')}; sleep 600' &`;
    const run = await bench.submit(`${daemon}\n${gates.lines('hanging')}`);
    const visits = await Promise.all([gates.arrival('daemon'), gates.arrival('hanging')]);
    await machine.run(`systemctl stop ${UNIT}`);
    await Promise.all(visits.map(({ gone }) => gone));
    expect(await bench.processes()).toEqual([]);
    expect(await bench.show('Result')).toBe('timeout');
    await bench.adjustNothing();
    expect(await bench.svc('start')).toMatchObject({ code: 0 });
    expect(await plane.completed(run)).toMatchObject({ conclusion: 'failure' });
  });

  it('runs jobs, over a crash too, with the hardening that the documentation offers', async () => {
    const { machine, plane, gates } = bench;
    const offered = /^```ini\n(\[Service\]\nNoNewPrivileges.*?)```/ms.exec(await readFile(INSTALL_PAGE, 'utf8'))![1]!;
    await bench.adjust(offered.replaceAll('/opt/runner', RUNNER));
    await machine.ask(`systemctl restart ${UNIT}`);
    const run = await bench.submit(
      `touch /tmp/mine && ! touch /srv/mine && cat /proc/self/cgroup\n${gates.lines('hard')}`,
    );
    const visit = await gates.arrival('hard');
    const place = await bench.journalPlace();
    await machine.ask(`kill -9 ${await bench.show('MainPID')}`);
    await bench.saying('Started', place);
    visit.release();
    expect(await plane.completed(run)).toMatchObject({ conclusion: 'success' });
    expect(await bench.log(run, 2)).toMatch(OWN_CGROUP);
    await bench.adjustNothing();
    await machine.ask(`systemctl restart ${UNIT}`);
  });

  it('is a service of the account itself where that is asked for', async () => {
    const { machine, plane } = bench;
    await bench.logIn();
    await bench.configure(['--name', 'mine', '--labels', 'mine'], OWN_RUNNER);
    expect(await bench.ownSvc('install --user')).toMatchObject({ code: 0 });
    expect(await bench.ownSvc('start')).toMatchObject({ code: 0 });
    const run = await bench.submit('cat /proc/self/cgroup', { label: 'mine' });
    expect(await plane.completed(run)).toMatchObject({ conclusion: 'success' });
    expect(await bench.log(run, 2)).toMatch(/^.*0::.*\/paceline-runner\.mine\.service\/paceline-[^/]+\/0$/m);
    expect((await bench.ownSvc('status')).stdout).toContain('active (running)');
    expect(await machine.ask('systemctl list-units --all --plain paceline-runner.*')).not.toContain('mine');
  });

  it('comes up with the machine, and says which job was lost', async () => {
    const { machine, plane, gates } = bench;
    const run = await bench.submit(gates.lines('lost'));
    await gates.arrival('lost');
    await machine.cutPower();
    await machine.boot();
    expect(await plane.completed(run)).toMatchObject({ conclusion: 'failure' });
    const next = [await bench.submit('true'), await bench.submit('true', { label: 'mine' })];
    for (const green of next) expect(await plane.completed(green)).toMatchObject({ conclusion: 'success' });
  });

  it('cancels its job when the machine is shut down, so that nobody waits for it', async () => {
    const { machine, plane, gates } = bench;
    const run = await bench.submit(gates.lines('cancelled'), { always: 'echo post of the job' });
    await gates.arrival('cancelled');
    const down = machine.down();
    await machine.run('systemctl reboot');
    await down;
    expect(await plane.show(run)).toMatchObject({
      state: 'completed',
      jobs: [{ reason: expect.stringMatching(/^(?:agent-drained|runner-lost)$/) }],
    });
    expect(await bench.log(run, 3)).toContain('post of the job');
    await machine.boot();
    expect(await bench.show('ActiveState')).toBe('active');
  });

  it('cancels its job when the drain has lasted as long as it may', async () => {
    const { machine, plane, gates } = bench;
    await bench.adjust('[Service]\nEnvironment=PACELINE_AGENT_DRAIN_TIMEOUT_SECONDS=1\n');
    await machine.ask(`systemctl restart ${UNIT}`);
    const run = await bench.submit(gates.lines('late'));
    await gates.arrival('late');
    expect(await bench.svc('stop')).toMatchObject({ code: 0 });
    expect(await plane.completed(run)).toMatchObject({ jobs: [{ reason: 'agent-drained' }] });
    // That is what was asked for, and no failure.
    expect(await bench.show('ActiveState,Result,ExecMainStatus')).toBe('success\n3\ninactive');
    expect(await bench.processes()).toEqual([]);
    await bench.adjustNothing();
    expect(await bench.svc('start')).toMatchObject({ code: 0 });
  });

  it('is given up by systemd when it fails all the time', async () => {
    const { machine } = bench;
    await bench.adjust(`[Service]\nRestartSec=0\nExecStart=\nExecStart=/bin/sh -c 'exit 70'\n`);
    const place = await bench.journalPlace();
    await machine.run(`systemctl restart ${UNIT}`);
    await bench.saying('Start request repeated too quickly', place);
    expect(await bench.show('ActiveState')).toBe('failed');
    await bench.adjustNothing();
    await machine.ask(`systemctl reset-failed ${UNIT}; systemctl start ${UNIT}`);
  });

  it('leaves nothing alive of what a crash left alone when it is stopped', async () => {
    const { machine, plane, gates } = bench;
    await bench.adjust('[Service]\nRestart=no\n');
    const run = await bench.submit(`setsid sleep 600 & ${gates.lines('alone')}`);
    const visit = await gates.arrival('alone');
    const place = await bench.journalPlace();
    await machine.ask(`kill -9 ${await bench.show('MainPID')}`);
    await bench.saying('Failed with result', place);
    expect(await bench.svc('stop')).toMatchObject({ code: 0 });
    await visit.gone;
    await bench.adjustNothing();
    expect(await bench.svc('start')).toMatchObject({ code: 0 });
    expect(await plane.completed(run)).toMatchObject({ jobs: [{ reason: 'runner-lost' }] });
  });

  it(
    'is upgraded while its job goes on, and gets the unit of the new version beside the drop-ins that it has',
    async () => {
      const { machine, plane, gates } = bench;
      const dropIn = '[Service]\nRestartSec=2\n';
      await bench.adjust(dropIn);
      const tarball = await bench.pack('0.99.0', `sed -i '/^Description=/s/$/ of 0.99.0/' paceline-runner.service`);
      const { stdout: sum } = await machine.run(`sha256sum ${tarball}`);
      const run = await bench.submit(gates.lines('upgraded'));
      const visit = await gates.arrival('upgraded');
      const upgraded = await bench.upgrade(tarball, `--sha256 ${sum.split(' ')[0]!} --now`);
      expect(upgraded).toMatchObject({ code: 0, stderr: expect.stringContaining(`${UNIT} is renewed, as version`) });
      expect(await bench.show('Description')).toBe('Paceline runner build-1 of 0.99.0');
      expect(await bench.show('RestartUSec')).toBe('2s');
      expect(await machine.ask(`cat ${UNIT_FILE}.d/test.conf`)).toBe(dropIn.trimEnd());
      visit.release();
      expect(await plane.completed(run)).toMatchObject({ conclusion: 'success' });
      expect(await machine.ask(`cat /proc/${await bench.show('MainPID')}/cmdline`)).toContain('/versions/0.99.0/');
      const owners = await machine.ask(`find ${RUNNER} -path ${RUNNER}/_state -prune -o -printf '%u %f\\n' | sort -u`);
      const ofAccount = owners.split('\n').filter((line) => line.startsWith(ACCOUNT));
      expect(ofAccount).toEqual([`${ACCOUNT} .env`, `${ACCOUNT} .path`, `${ACCOUNT} runner.config.json`]);
    },
    UPGRADE_LIMIT_MS,
  );

  it(
    'goes back to its unit with its version when a new one does not come up',
    async () => {
      const { machine } = bench;
      const before = await machine.ask(`cat ${UNIT_FILE}`);
      const change = `sed -i '/^Description=/s/$/ of 0.99.1/' paceline-runner.service; echo 'exit 1' >runsvc.sh`;
      const returned = await bench.upgrade(await bench.pack('0.99.1', change));
      expect(returned).toMatchObject({ code: 1, stderr: expect.stringContaining(`${UNIT} is renewed, as version`) });
      expect(returned.stderr).toContain('The unit of the service is as it was, too.');
      expect(await machine.ask(`cat ${UNIT_FILE}`)).toBe(before);
      expect(await bench.show('Description')).toBe('Paceline runner build-1 of 0.99.0');
      expect(await bench.show('NeedDaemonReload')).toBe('no');
      expect(await machine.ask(`cat /proc/${await bench.show('MainPID')}/cmdline`)).toContain('/versions/0.99.0/');
    },
    UPGRADE_LIMIT_MS,
  );

  it(
    'keeps its unit where that cannot be written, and says what to call later',
    async () => {
      const { machine } = bench;
      await bench.adjustNothing();
      await machine.ask(
        `sed -i 's/ of 0.99.0$//' ${UNIT_FILE}; mount --bind -r /etc/systemd/system /etc/systemd/system`,
      );
      expect(await bench.svc('renew')).toMatchObject({ code: 2, stderr: expect.stringContaining('(EROFS)') });
      const back = await bench.upgrade(await bench.pack('0.99.2', ':'));
      expect(back).toMatchObject({ code: 0, stderr: expect.stringContaining(`sudo '${RUNNER}/svc.sh' renew`) });
      await machine.ask('umount /etc/systemd/system');
      const { code, stderr } = await machine.run(`'${RUNNER}/svc.sh' renew`, { user: ACCOUNT });
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`sudo '${RUNNER}/svc.sh' renew.`) });
      expect(await bench.svc('renew')).toMatchObject({ code: 0, stdout: expect.stringContaining('is renewed') });
      expect(await bench.show('Description')).toBe('Paceline runner build-1 of 0.99.0');
      expect(await bench.svc('renew')).toMatchObject({ code: 0, stdout: `${UNIT} is as this version has it.` });
      const { code: refused, stderr: said } = await machine.run(
        `bin/paceline agent upgrade /srv/x.tar.gz --folder ${RUNNER}`,
        { user: ACCOUNT, directory: RUNNER },
      );
      expect({ refused, said }).toEqual({
        refused: 2,
        said: expect.stringContaining(
          `sudo '${RUNNER}/bin/paceline' agent upgrade '/srv/x.tar.gz' --folder '${RUNNER}'`,
        ),
      });
      await machine.ask('rm /srv/*.tar.gz');
    },
    UPGRADE_LIMIT_MS,
  );

  it('stays down when the server knows the runner no more', async () => {
    const { plane } = bench;
    const place = await bench.journalPlace();
    await plane.request('DELETE', '/v1/runners/build-1');
    await bench.saying('Failed with result', place);
    expect(await bench.show('ActiveState,ExecMainStatus')).toBe('4\nfailed');
  });

  it('leaves nothing but the runner when it is uninstalled', async () => {
    expect(await bench.ownSvc('uninstall')).toMatchObject({ code: 0 });
    await bench.logOut();
    expect(await bench.svc('uninstall')).toMatchObject({ code: 0 });
    const left = (await added()).filter(
      (path) => !path.startsWith(RUNNER) && !path.startsWith(OWN_RUNNER) && !OF_SYSTEMD.test(path),
    );
    // The last is where an account's units are: others may have put theirs there.
    const places = ['.config', '.config/systemd', '.config/systemd/user'];
    expect(left).toEqual(places.map((place) => `/home/${ACCOUNT}/${place}`));
    expect(await bench.processes()).toEqual([]);
    expect(await bench.show('LoadState')).toBe('not-found');
  });

  it('may have a server beside it, by the unit that the documentation offers', async () => {
    const { machine } = bench;
    const offered = /^```ini\n(\[Unit\]\nDescription=Paceline server.*?)```/ms.exec(
      await readFile(OPERATE_PAGE, 'utf8'),
    )![1]!;
    const unit = 'paceline-server.service';
    await machine.ask(`useradd --system paceline; mkdir /etc/paceline; ln -s ${RUNNER}/bin/paceline /usr/local/bin`);
    await machine.ask('cat >/etc/paceline/runner.config.json', { input: '{"server": {"listen": "127.0.0.1:0"}}' });
    await machine.ask(`cat >/etc/systemd/system/${unit}; systemctl daemon-reload`, { input: offered });
    const place = await bench.journalPlace();
    await machine.ask(`systemctl start ${unit}`);
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(await bench.saying('http://127.0.0.1', place, unit))!;
    expect(await fetch(`${address}/readyz`)).toMatchObject({ status: 200 });
    await machine.ask(`systemctl stop ${unit}`);
    expect(await bench.show('ActiveState,Result', unit)).toBe('success\ninactive');
  });
});
