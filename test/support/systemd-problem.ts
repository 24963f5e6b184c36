import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const NAMESPACES = ['--mount', '--pid', '--ipc', '--uts', '--cgroup', '--fork'];
const PARTS = ['/lib/systemd/systemd', '/usr/bin/dbus-daemon', '/usr/lib/systemd/user/dbus.socket'];

/** Why no systemd can be booted here, with the way out; null: it can. */
export function systemdProblem(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root, to boot systemd';
  if (!PARTS.every((path) => existsSync(path))) return 'needs systemd: scripts/fetch-systemd';
  if (cgroupMount() === null) return 'needs cgroup v2, to boot systemd';
  if (spawnSync('unshare', [...NAMESPACES, 'mount', '-t', 'proc', 'proc', '/proc'], { stdio: 'ignore' }).status !== 0)
    return 'needs the right to make namespaces, to boot systemd';
  return null;
}

/** Where cgroup v2 is mounted: alone, or beside the controllers of v1. */
export function cgroupMount(): string | null {
  return (
    ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((mount) => existsSync(`${mount}/cgroup.subtree_control`)) ?? null
  );
}
