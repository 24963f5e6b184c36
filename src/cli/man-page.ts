import { allNodes } from './completion/all-nodes.ts';
import type { CommandNode } from './command-tree.ts';
import { EXIT } from './exit-codes.ts';

/**
 * The manual page, in the macros that groff and mandoc both know. Everything that a help text says is in it once: what a
 * command says below its options is left out where the command above it says the same.
 */
export function manPage(root: CommandNode, version: string): string {
  const commands = allNodes(root).slice(1);
  return [
    `.TH PACELINE 1 "" "paceline ${version}" "User Commands"`,
    // Ragged, and no word is hyphenated: people copy from it.
    '.ad l\n.nh',
    section('NAME', ['paceline \\- run GitHub Actions workflow files on your own machines, their steps side by side']),
    section('SYNOPSIS', [
      ...root.options.map(({ term }) => `.B paceline\n${escaped(term)}\n.br`),
      '.B paceline\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]',
    ]),
    section('DESCRIPTION', [escaped(root.description), ...paragraphs(root.notes)]),
    section('COMMANDS', []),
    ...commands.map((node) => commandText(node, parentOf(node, commands))),
    section(
      'EXIT STATUS',
      Object.entries(EXIT_MEANINGS).map(([name, meaning]) => tagged(String(EXIT[name as Name]), meaning)),
    ),
    section(
      'ENVIRONMENT',
      Object.entries(ENVIRONMENT).map(([name, meaning]) => tagged(name, meaning)),
    ),
    section(
      'FILES',
      Object.entries(FILES).map(([name, meaning]) => tagged(name, meaning)),
    ),
    '',
  ].join('\n');
}

type Name = keyof typeof EXIT;

const EXIT_MEANINGS: Readonly<Record<Name, string>> = {
  success: 'Success.',
  runFailed: 'The run was made, and failed.',
  usage: 'The command line or a file is wrong, or the server does not have what is asked for.',
  cancelled: 'Cancelled, or the watching was stopped.',
  unreachable: 'A server could not be reached, or did not accept the token.',
  internal: "A fault of Paceline's own.",
};

const ENVIRONMENT: Readonly<Record<string, string>> = {
  PACELINE_SERVER: 'Address of the server that commands speak with.',
  PACELINE_TOKEN: 'Token for it.',
  PACELINE_LOG: 'Level of the diagnostic log: off, error, warn, info or debug.',
  'PACELINE_…': 'Each key of runner.config.json has a variable that outranks it.',
  'NO_COLOR, FORCE_COLOR': 'Whether colours are printed.',
  'HTTP_PROXY, HTTPS_PROXY, NO_PROXY': 'Proxies.',
};

const FILES: Readonly<Record<string, string>> = {
  'runner.config.json': 'Settings, in the folder where a command is started.',
  '~/.config/paceline/login.json': 'Address and token of the last login, for this account alone.',
  '~/.local/share/paceline/server': "A server's data: database, logs, the key of the secrets, the admin token.",
  '~/.local/state/paceline/agent': "An agent's credentials, journals and workspaces.",
  '.paceline': 'What paceline up keeps, in the folder where it is started.',
};

function parentOf({ path }: CommandNode, commands: readonly CommandNode[]): CommandNode | undefined {
  const parent = path.slice(0, -1).join(' ');
  return commands.find((other) => other.path.join(' ') === parent);
}

function commandText(node: CommandNode, parent: CommandNode | undefined): string {
  const notes = parent?.notes === node.notes ? [] : paragraphs(node.notes);
  return [
    `.SS "paceline ${escaped(node.path.join(' '))}"`,
    escaped(sentence(node.description)),
    `.PP\n.B ${escaped(node.usage)}`,
    ...node.arguments.map(({ name, description }) => tagged(name, description === '' ? ' ' : sentence(description))),
    ...node.options.map(({ term, description }) => tagged(term, sentence(description))),
    ...notes,
  ].join('\n');
}

function section(title: string, parts: readonly string[]): string {
  return [`.SH ${title}`, ...parts].join('\n');
}

function tagged(tag: string, text: string): string {
  return `.TP\n.B ${escaped(tag)}\n${escaped(text)}`;
}

/** Lines that are indented keep their breaks, as examples do; others are filled. */
function paragraphs(text: string): string[] {
  return text
    .split(/\n{2,}|\n(?=Exit codes:)/)
    .filter(Boolean)
    .map((paragraph) => {
      const lines = paragraph.split('\n').map(escaped).join('\n');
      return /^ {2}/m.test(paragraph) ? `.PP\n.nf\n${lines}\n.fi` : `.PP\n${lines}`;
    });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** A hyphen that can be typed, and nothing that is taken for a macro or an escape. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('–', '\\(en')
    .replace(/^[.']/, '\\&$&');
}
