/** A file system of a few megabytes, for what happens when it is full. Needs the right to mount: root, as in CI. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether this account may mount. */
export const CAN_MOUNT = process.platform === 'linux' && mayMount();

export interface SmallDisk {
  readonly path: string;
  /** There is more room. */
  grow(kilobytes: number): void;
  /** Nothing may be open for writing. */
  makeReadOnly(): void;
  remove(): void;
}

export function smallDisk(kilobytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'paceline-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'paceline-test', path]);
  return {
    path,
    grow(more) {
      execFileSync('mount', ['-o', `remount,size=${more}k`, path]);
    },
    makeReadOnly() {
      execFileSync('mount', ['-o', 'remount,ro', path]);
    },
    remove() {
      execFileSync('umount', ['--lazy', path]);
      rmdirSync(path);
    },
  };
}

function mayMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), 'paceline-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'paceline-test', path]);
  if (status === 0) execFileSync('umount', [path]);
  rmdirSync(path);
  return status === 0;
}
