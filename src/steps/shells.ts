import { findCommand } from '../process/find-command.ts';

/** How a script is run: `COMMAND ARGUMENTS` with the script in a file of its own. */
export interface ShellInvocation {
  readonly kind: 'shell';
  /** Absolute. */
  readonly command: string;
  /** Of the script's file, with the dot; empty for a custom shell. */
  readonly extension: string;
  /** For the log header, with `{0}` for the file. */
  readonly shown: string;
  readonly argumentsFor: (scriptFile: string) => readonly string[];
  /** What the file holds. */
  readonly wrap: (script: string) => string;
}

export interface ShellProblem {
  readonly kind: 'problem';
  /** One sentence. */
  readonly message: string;
}

export interface ShellSurroundings {
  /** The value of PATH for the step. */
  readonly path: string;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
}

/**
 * The table of runner-behaviour 2.6. `shell` is as the step or the defaults have it, evaluated; empty is the unset
 * rule: bash if there is one, else sh, without `pipefail` either way.
 */
export async function resolveShell(shell: string, around: ShellSurroundings): Promise<ShellInvocation | ShellProblem> {
  if (shell.trim() === '') return unsetShell(around);
  const text = shell.trim();
  const space = text.indexOf(' ');
  const name = space < 0 ? text : text.slice(0, space);
  const ownArguments = space < 0 ? '' : text.slice(space + 1).trim();
  const known = name.toLowerCase();
  const builtIn = Object.hasOwn(BUILT_IN, known) ? BUILT_IN[known] : undefined;
  const format = ownArguments || (builtIn?.format ?? '');
  if (!format.includes('{0}')) return { kind: 'problem', message: INVALID };
  const command = await findCommand(builtIn ? known : name, around.path, around.cwd);
  if (command === null)
    return { kind: 'problem', message: `The shell '${name}' was not found on this machine's PATH.` };
  return invocation(command, builtIn ?? CUSTOM, format);
}

const INVALID =
  "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh, python) or a format string containing '{0}'.";

interface ShellKind {
  readonly format: string;
  readonly extension: string;
  readonly wrap: (script: string) => string;
  /** How the file's path is written where the format has `{0}`. */
  readonly quote: (scriptFile: string) => string;
}

const asIs = (text: string): string => text;
const CUSTOM: ShellKind = { format: '', extension: '', wrap: asIs, quote: asIs };
const SH: ShellKind = { ...CUSTOM, format: '-e {0}', extension: '.sh' };
const POWERSHELL: ShellKind = {
  format: `-command ". '{0}'"`,
  extension: '.ps1',
  wrap: (script) =>
    [
      "$ErrorActionPreference = 'stop'",
      script,
      'if ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }',
    ].join('\n'),
  quote: (scriptFile) => scriptFile.replaceAll("'", "''"),
};
const BUILT_IN: Readonly<Record<string, ShellKind>> = {
  bash: { ...SH, format: '--noprofile --norc -e -o pipefail {0}' },
  sh: SH,
  pwsh: POWERSHELL,
  powershell: POWERSHELL,
  cmd: {
    ...CUSTOM,
    format: '/D /E:ON /V:OFF /S /C "CALL "{0}""',
    extension: '.cmd',
    wrap: (script) => `@echo off\n${script}`,
  },
  python: { ...CUSTOM, format: '{0}', extension: '.py' },
};

async function unsetShell({ path, cwd, platform }: ShellSurroundings): Promise<ShellInvocation | ShellProblem> {
  const [names, kind] = platform === 'win32' ? [['pwsh', 'powershell'], POWERSHELL] : [['bash', 'sh'], SH];
  for (const name of names) {
    const command = await findCommand(name, path, cwd);
    if (command !== null) return invocation(command, kind, kind.format);
  }
  return { kind: 'problem', message: `Neither ${names.join(' nor ')} was found on this machine's PATH.` };
}

function invocation(command: string, { extension, wrap, quote }: ShellKind, format: string): ShellInvocation {
  const parts = splitArguments(format);
  return {
    kind: 'shell',
    command,
    extension,
    shown: `${command} ${format}`,
    wrap,
    // Split first, so that a path with blanks stays one argument.
    argumentsFor: (scriptFile) => parts.map((part) => fill(part, quote(scriptFile))),
  };
}

/** As .NET's `string.Format`, which GitHub's runner uses: doubled braces stand for one. */
function fill(part: string, scriptFile: string): string {
  return part.replaceAll(/\{\{|\}\}|\{0\}/g, (match) => (match === '{0}' ? scriptFile : match.slice(1)));
}

/**
 * A command line as .NET splits it: at blanks outside of double quotes; a backslash escapes a double quote only; two
 * quotes inside of quotes are one.
 */
export function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let part: string | null = null;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === '\\') {
      const run = /^\\+/.exec(text.slice(index))?.[0].length ?? 1;
      const beforeQuote = text[index + run] === '"';
      part = (part ?? '') + '\\'.repeat(beforeQuote ? Math.floor(run / 2) : run);
      index += run - 1;
      if (beforeQuote && run % 2 === 1) {
        part += '"';
        index++;
      }
    } else if (character === '"') {
      if (quoted && text[index + 1] === '"') {
        part = `${part ?? ''}"`;
        index++;
      } else quoted = !quoted;
      part ??= '';
    } else if (!quoted && (character === ' ' || character === '\t')) {
      if (part !== null) parts.push(part);
      part = null;
    } else part = (part ?? '') + character;
  }
  if (part !== null) parts.push(part);
  return parts;
}
