import { Problem } from './problem.mjs';

/** As Node.js names operating system and processor. Linux is that of the GNU C library, as are the builds of Node.js. */
export const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

export function thisPlatform() {
  return `${process.platform}-${process.arch}`;
}

export function checkPlatform(platform) {
  if (!PLATFORMS.includes(platform))
    throw new Problem(`There is no platform '${platform}'; there are ${PLATFORMS.join(', ')}.`);
}

/** The package with SQLite's machine code. */
export function sqlitePackage(platform) {
  return `@libsql/${platform}${platform.startsWith('linux-') ? '-gnu' : ''}`;
}
