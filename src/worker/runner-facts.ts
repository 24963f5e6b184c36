import type { RunnerFacts } from './worker-host.ts';

/** The `runner` context of this machine. */
export function runnerFacts(name: string, platform: NodeJS.Platform, arch: string): RunnerFacts {
  return {
    name,
    os: platform === 'win32' ? 'Windows' : platform === 'darwin' ? 'macOS' : 'Linux',
    arch: ARCHITECTURES[arch] ?? 'X64',
    environment: 'self-hosted',
  };
}

const ARCHITECTURES: Readonly<Record<string, RunnerFacts['arch']>> = {
  x64: 'X64',
  ia32: 'X86',
  arm: 'ARM',
  arm64: 'ARM64',
};
