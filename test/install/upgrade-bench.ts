/**
 * An installed runner of a real server, packages of other versions, and a stand-in for systemd: it starts and ends the
 * real agent, and tells of it as systemctl does.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ControlPlane } from '../support/control-plane.ts';

const run = promisify(execFile);
const LAYOUT = fileURLToPath(new URL('../../scripts/layout', import.meta.url));
export const PLATFORM = `${process.platform}-${process.arch}`;

/** `start` comes back when the agent holds its folder or has ended, `stop` when it has ended. */
const SYSTEMCTL = `#!/bin/bash
[ "$1" = --user ] && shift
pid=$(cat "$AGENT_PID" 2>/dev/null)
# Gives up where the test has given up long since.
pause() { (( SECONDS < 120 )) || exit 1; read -r -t 0.1 <> <(:) || true; }
lives() { [ -n "$pid" ] && grep -q '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null; }
case $1 in
  is-system-running) echo running ;;
  --version) echo 'systemd 240' ;;
  show)
    lives && echo ActiveState=active || { echo ActiveState=inactive; pid=0; }
    printf 'LoadState=loaded\\nSubState=x\\nUnitFileState=enabled\\nMainPID=%s\\n' "$pid"
    ;;
  start)
    lives && exit 0
    # As systemd has it: nothing of whoever asked goes along.
    env -u PACELINE_FAILPOINT setsid "$RUNNER_FOLDER/bin/runsvc.sh" >> "$AGENT_PID.log" 2>&1 < /dev/null &
    pid=$!
    echo "$pid" > "$AGENT_PID"
    until [[ $(readlink "$RUNNER_FOLDER/_state/agent.lock") = *" $pid "* ]]; do
      lives || { echo 'Job failed. See the journal.' >&2; exit 1; }
      pause
    done
    ;;
  stop)
    lives || exit 0
    kill -TERM "$pid"
    while lives; do pause; done
    ;;
esac
`;

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

export class UpgradeBench {
  readonly plane: ControlPlane;
  /** Of the runner. */
  readonly folder: string;
  readonly packages: string;
  /** What the packages were made of. */
  readonly version: string;

  private constructor(plane: ControlPlane, version: string) {
    this.plane = plane;
    this.folder = join(plane.directory, 'runner');
    this.packages = join(plane.directory, 'packages');
    this.version = version;
  }

  /** A runner that is registered, whose service runs. */
  static async open(): Promise<UpgradeBench> {
    const plane = await ControlPlane.open();
    await run(LAYOUT, ['--no-node', join(plane.directory, 'runner')]);
    const version = basename(await readlink(join(plane.directory, 'runner/bin')));
    const bench = new UpgradeBench(plane, version);
    for (const name of ['packages', 'tools', 'units']) await mkdir(join(plane.directory, name));
    await writeFile(join(plane.directory, 'tools/systemctl'), SYSTEMCTL, { mode: 0o755 });
    await plane.startServer();
    const { token } = await plane.request<{ token: string }>('POST', '/v1/tokens', {
      ...{ name: 'runner', kind: 'registration', expiresSeconds: 600 },
    });
    const options = ['--url', plane.url, '--name', 'upgraded', '--unattended'];
    await bench.must(['agent', 'configure', ...options, '--folder', bench.folder], { PACELINE_TOKEN: token });
    await bench.must(['service', 'install', '--user', '--folder', bench.folder]);
    await bench.must(['service', 'start', '--folder', bench.folder]);
    return bench;
  }

  get environment(): Record<string, string> {
    const { directory } = this.plane;
    return {
      PATH: `${join(directory, 'tools')}:${process.env.PATH ?? ''}`,
      PACELINE_UNIT_DIRECTORY: join(directory, 'units'),
      RUNNER_FOLDER: this.folder,
      AGENT_PID: join(directory, 'agent.pid'),
    };
  }

  async call(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
    const running = this.plane.start(args, { ...this.environment, ...environment });
    return { ...(await running.exited), output: running.output() };
  }

  upgrade(source: string, args: readonly string[] = [], environment: Record<string, string> = {}): Promise<Ended> {
    return this.call(['agent', 'upgrade', source, '--folder', this.folder, ...args], environment);
  }

  async must(args: readonly string[], environment: Record<string, string> = {}): Promise<void> {
    const { code, output } = await this.call(args, environment);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}: ${output}`);
  }

  /** The version that `bin` leads to. */
  async current(): Promise<string> {
    return basename(await readlink(join(this.folder, 'bin')));
  }

  /** What the service is started by. */
  unit(): Promise<string> {
    return readFile(join(this.plane.directory, 'units/paceline-runner.upgraded.service'), 'utf8');
  }

  versions(): Promise<string[]> {
    return readdir(join(this.folder, 'versions')).then((names) => names.sort());
  }

  /** Null: none runs. */
  async agent(): Promise<{ readonly pid: number; readonly command: string } | null> {
    try {
      const pid = Number(await readFile(this.environment.AGENT_PID ?? '', 'utf8'));
      return { pid, command: (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ') };
    } catch {
      // It has ended.
      return null;
    }
  }

  /** A package like the one that is installed, under another version. @param change Done to the folder of the version. */
  async pack(
    version: string,
    {
      name = `paceline-runner-${version}-${PLATFORM}.tar.gz`,
      platform = PLATFORM,
      change = () => Promise.resolve(),
      changeAfterListing = () => Promise.resolve(),
    }: {
      readonly name?: string;
      readonly platform?: string;
      readonly change?: (folder: string) => Promise<unknown>;
      readonly changeAfterListing?: (folder: string) => Promise<unknown>;
    } = {},
  ): Promise<string> {
    const top = join(this.plane.directory, 'to-pack', `paceline-runner-${version}`);
    const folder = join(top, 'versions', version);
    await rm(top, { recursive: true, force: true });
    await cp(join(this.folder, 'versions', await this.current()), folder, { recursive: true });
    await rename(join(folder, 'manifest.json'), join(folder, '../manifest'));
    const dist = join(folder, 'app/dist');
    for (const file of await readdir(dist)) {
      // Made of the text as it was.
      if (file.endsWith('.cache')) await rm(join(dist, file));
      else if (file.startsWith('core-')) await rewrite(join(dist, file), await this.current(), version);
    }
    await change(folder);
    const files: Record<string, string> = {};
    for (const path of await filesBelow(folder)) {
      const hash = createHash('sha256').update(await readFile(path));
      files[relative(folder, path)] = hash.digest('hex');
    }
    await rm(join(folder, '../manifest'));
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({ schema: 1, version, platform, node: null, files }));
    await changeAfterListing(folder);
    await run('ln', ['-s', `versions/${version}`, join(top, 'bin')]);
    const tarball = join(this.packages, name);
    await run('tar', ['-czf', tarball, '-C', join(this.plane.directory, 'to-pack'), basename(top)]);
    return tarball;
  }

  async close(): Promise<void> {
    await this.call(['service', 'stop', '--folder', this.folder]);
    await this.plane.close();
  }
}

async function rewrite(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(`version = "${from}"`, `version = "${to}"`));
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
