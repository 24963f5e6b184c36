import { ARCHITECTURE_LABELS, IMPLIED_LABEL, SYSTEM_LABELS } from '../protocol/default-labels.ts';

/** As GitHub's runner names them, then what was configured; each once, whatever its case. */
export function runnerLabels(platform: NodeJS.Platform, arch: string, configured: readonly string[]): string[] {
  const own = [IMPLIED_LABEL, SYSTEM_LABELS[platform] ?? platform, ARCHITECTURE_LABELS[arch] ?? arch.toUpperCase()];
  const labels = new Map<string, string>();
  for (const label of [...own, ...configured])
    if (!labels.has(label.toLowerCase())) labels.set(label.toLowerCase(), label);
  return [...labels.values()];
}
