import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { ControlPlane } from '../support/control-plane.ts';
import { Gates } from '../support/systemd-gates.ts';
import { SystemdMachine, type Outcome } from '../support/systemd-machine.ts';

const LAYOUT = fileURLToPath(new URL('../../scripts/layout', import.meta.url));
/** On the machine: whom the service runs as, and what as. */
export const ACCOUNT = 'builder';
export const RUNNER = '/srv/runner';
/** Another one, not configured. */
export const OWN_RUNNER = `/home/${ACCOUNT}/runner`;
export const UNIT = 'paceline-runner.build-1.service';

/** A server, and beside it a machine with a configured runner that is not installed as a service. */
export class ServiceBench {
  readonly machine: SystemdMachine;
  readonly plane: ControlPlane;
  readonly gates: Gates;

  /** That runners were registered with. */
  readonly tokens: string[] = [];

  private constructor(machine: SystemdMachine, plane: ControlPlane, gates: Gates) {
    this.machine = machine;
    this.plane = plane;
    this.gates = gates;
  }

  static async open(): Promise<ServiceBench> {
    const [machine, plane, gates] = await Promise.all([SystemdMachine.open(), ControlPlane.open(), Gates.open()]);
    const bench = new ServiceBench(machine, plane, gates);
    try {
      await Promise.all([machine.boot(), plane.startServer()]);
      await machine.ask(`useradd --create-home --shell /bin/bash ${ACCOUNT}`);
      await bench.#bringRunner();
      await bench.configure(['--name', 'build-1', '--labels', 'here']);
      return bench;
    } catch (error) {
      await bench.close();
      throw error;
    }
  }

  /** As the account, as people do. */
  async configure(args: readonly string[], folder = RUNNER): Promise<void> {
    const { token } = await this.plane.request<{ token: string }>('POST', '/v1/tokens', {
      name: 'for the machine',
      kind: 'registration',
      expiresSeconds: 600,
    });
    this.tokens.push(token);
    const words = ['--url', this.plane.url, '--token-file', '-', '--unattended', ...args];
    await this.machine.ask(`./config.sh ${words.join(' ')}`, { user: ACCOUNT, directory: folder, input: token });
  }

  /** `sudo ./svc.sh …` by the account. */
  svc(words: string, environment: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    return this.machine.run(`./svc.sh ${words}`, {
      directory: RUNNER,
      environment: { SUDO_USER: ACCOUNT, ...environment },
    });
  }

  /** `./svc.sh …` of the other runner by the account, which is logged in. */
  async ownSvc(words: string): Promise<Outcome> {
    const environment = { XDG_RUNTIME_DIR: `/run/user/${await this.#uid()}` };
    return this.machine.run(`./svc.sh ${words}`, { user: ACCOUNT, directory: OWN_RUNNER, environment });
  }

  /** From now on the account has a systemd of its own, as after a login that does not end. */
  async logIn(): Promise<void> {
    await this.machine.ask(`loginctl enable-linger ${ACCOUNT}; systemctl start user@${await this.#uid()}.service`);
  }

  async logOut(): Promise<void> {
    await this.machine.ask(`loginctl disable-linger ${ACCOUNT}; systemctl stop user@${await this.#uid()}.service`);
  }

  /** A property of the unit, as `systemctl show` says it. */
  async show(property: string, unit = UNIT): Promise<string> {
    return this.machine.ask(`systemctl show --value --property ${property} ${unit}`);
  }

  /** Settings of the unit in a drop-in, as its users would make one, from its next start on. */
  async adjust(settings: string): Promise<void> {
    const folder = `/etc/systemd/system/${UNIT}.d`;
    await this.machine.ask(`mkdir -p ${folder}; cat >${folder}/test.conf; systemctl daemon-reload`, {
      input: settings,
    });
  }

  async adjustNothing(): Promise<void> {
    await this.machine.ask(`rm -r /etc/systemd/system/${UNIT}.d; systemctl daemon-reload`);
  }

  /** Where the journal is at. */
  async journalPlace(): Promise<string> {
    const text = await this.machine.ask('journalctl --lines 0 --show-cursor');
    return /cursor: (.*)/.exec(text)![1]!;
  }

  /** Resolves with the line in which the unit, or systemd about it, says so after the place. */
  saying(words: string, place: string, unit = UNIT): Promise<string> {
    const follow = `journalctl --unit ${unit} --follow --lines all --after-cursor "${place}" 2>/dev/null`;
    return this.machine.ask(`bash -c 'grep -E -m 1 "${words}" < <(${follow})'`);
  }

  /** Processes of the account, but for those of its own systemd. */
  async processes(): Promise<string[]> {
    const { stdout } = await this.machine.run(`ps -o pid=,cgroup=,args= -u ${ACCOUNT}`);
    return stdout.split('\n').filter((line) => line !== '' && !line.includes('/user.slice/'));
  }

  /** Submits a job of one step, and of another one that runs in any case; its number. */
  submit(script: string, { always = 'true', env = {}, label = 'here' } = {}): Promise<number> {
    const steps = [
      { run: script, shell: 'bash' },
      { run: always, shell: 'bash', if: 'always()' },
    ];
    return this.plane.submit(JSON.stringify({ on: 'push', jobs: { job: { 'runs-on': label, env, steps } } }));
  }

  /** All that a step of the run's job said. Results do not wait for logs, so that the end of it may be still to come. */
  async log(run: number, step: number): Promise<string> {
    const response = await this.plane.fetch(`/v1/runs/${run}/jobs/job/steps/${step}/log?follow=true`);
    return response.text();
  }

  async close(): Promise<void> {
    await this.machine.close();
    await this.gates.close();
    await this.plane.close();
  }

  /** Of the runner, by root, to a package that is on the machine. */
  upgrade(tarball: string, options = ''): Promise<Outcome> {
    const words = `bin/paceline agent upgrade ${tarball} ${options} --folder ${RUNNER}`;
    return this.machine.run(words, { directory: RUNNER });
  }

  /** A package of the runner as it is, under another version, with its files changed by a line of shell; its path there. */
  async pack(version: string, change: string): Promise<string> {
    const script = `
      import { createHash } from 'node:crypto';
      import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
      const old = readlinkSync('${RUNNER}/bin').split('/').at(-1);
      const replace = (path, from, to) => writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
      for (const file of readdirSync('app/dist').filter((name) => name.startsWith('core-') && name.endsWith('.js')))
        replace('app/dist/' + file, 'version = "' + old + '"', 'version = "${version}"');
      const manifest = JSON.parse(readFileSync('manifest.json', 'utf8'));
      for (const path of Object.keys(manifest.files))
        manifest.files[path] = createHash('sha256').update(readFileSync(path)).digest('hex');
      writeFileSync('manifest.json', JSON.stringify({ ...manifest, version: '${version}' }));`;
    const top = `/srv/to-pack/paceline-runner-${version}`;
    const tarball = `/srv/paceline-runner-${version}-${process.platform}-${process.arch}.tar.gz`;
    await this.machine.ask(`mkdir -p ${top}/versions; cp -aL ${RUNNER}/bin ${top}/versions/${version}`);
    await this.machine.ask(change, { directory: `${top}/versions/${version}` });
    await this.machine.ask('node/bin/node --input-type=module', {
      directory: `${top}/versions/${version}`,
      input: script,
    });
    await this.machine.ask(
      `ln -s versions/${version} ${top}/bin; tar -C /srv/to-pack -c paceline-runner-${version} | gzip -1 >${tarball}; rm -r /srv/to-pack`,
    );
    return tarball;
  }

  #uid(): Promise<string> {
    return this.machine.ask(`id -u ${ACCOUNT}`);
  }

  async #bringRunner(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'paceline-runner-'));
    try {
      await execa(LAYOUT, ['--node', process.execPath, join(folder, 'runner')]);
      // Only the system call follows the path into the machine.
      await execa('cp', ['-a', join(folder, 'runner'), this.machine.path(RUNNER)]);
      await this.machine.ask(`chown -R ${ACCOUNT}: ${RUNNER}; cp -al ${RUNNER} ${OWN_RUNNER}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
