/** What runners are called by their platform, as GitHub's runner names them; others by its own name. */
export const SYSTEM_LABELS: Readonly<Partial<Record<string, string>>> = {
  linux: 'Linux',
  darwin: 'macOS',
  win32: 'Windows',
};
/** By their processor; others by its name in capitals. */
export const ARCHITECTURE_LABELS: Readonly<Partial<Record<string, string>>> = {
  x64: 'X64',
  arm64: 'ARM64',
  arm: 'ARM',
  ia32: 'X86',
};
/** Of Node.js elsewhere: systems, and processors. */
const OTHERS = 'aix android freebsd netbsd openbsd sunos loong64 mips mipsel ppc64 riscv64 s390 s390x'.split(' ');
/** Every runner has it, said or not. */
export const IMPLIED_LABEL = 'self-hosted';

const DEFAULTS = new Set(
  [IMPLIED_LABEL, ...Object.values(SYSTEM_LABELS), ...Object.values(ARCHITECTURE_LABELS), ...OTHERS].map((label) =>
    label?.toLowerCase(),
  ),
);

/** A label that a runner gives itself by where it runs. */
export function isDefaultLabel(label: string): boolean {
  return DEFAULTS.has(label.toLowerCase());
}
