const SYSTEMS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'Linux',
  darwin: 'macOS',
  win32: 'Windows',
};
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'X64', arm64: 'ARM64', arm: 'ARM', ia32: 'X86' };

/** As GitHub's runner names them, then what was configured; each once, whatever its case. */
export function runnerLabels(platform: NodeJS.Platform, arch: string, configured: readonly string[]): string[] {
  const own = ['self-hosted', SYSTEMS[platform] ?? platform, ARCHITECTURES[arch] ?? arch.toUpperCase()];
  const labels = new Map<string, string>();
  for (const label of [...own, ...configured])
    if (!labels.has(label.toLowerCase())) labels.set(label.toLowerCase(), label);
  return [...labels.values()];
}
