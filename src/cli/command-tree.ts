import type { Argument, Command, Option } from 'commander';

/** What can be typed, for what is made of it: completions and the man page. */
export interface CommandNode {
  /** From below `paceline`: `['runs', 'list']`. */
  readonly path: readonly string[];
  readonly description: string;
  /** As the help prints it, without `Usage: `. */
  readonly usage: string;
  readonly arguments: readonly ArgumentNode[];
  readonly options: readonly OptionNode[];
  readonly commands: readonly CommandNode[];
  /** What the help has below the options: examples, exit codes. */
  readonly notes: string;
}

export interface ArgumentNode {
  readonly name: string;
  readonly description: string;
  readonly isRepeated: boolean;
  readonly value: ValueKind;
}

export interface OptionNode {
  /** `-f` and `--follow`. */
  readonly flags: readonly string[];
  /** As the help prints it: `--limit <n>`. */
  readonly term: string;
  /** As the help prints it, with choices and default. */
  readonly description: string;
  readonly isRepeatable: boolean;
  /** Null for an option that takes none. */
  readonly value: ValueKind | null;
}

/** What a value is, as far as a shell can complete it. */
export type ValueKind =
  { readonly kind: 'file' | 'folder' | 'any' } | { readonly kind: 'choice'; readonly choices: readonly string[] };

/** Of a program with all its commands, and what they say in their help. Hidden ones are left out, and `help`. */
export function commandTree(program: Command): CommandNode {
  return nodeOf(program, []);
}

function nodeOf(command: Command, path: readonly string[]): CommandNode {
  const help = command.createHelp();
  return {
    path,
    description: help.commandDescription(command),
    usage: help.commandUsage(command),
    arguments: command.registeredArguments.map(argumentOf),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      term: help.optionTerm(option),
      description: help.optionDescription(option),
      isRepeatable: option.variadic || option.parseArg !== undefined,
      value: option.required || option.optional ? valueKind(option.argChoices, placeholderOf(option)) : null,
    })),
    commands: help
      .visibleCommands(command)
      .filter((sub) => sub.name() !== 'help')
      .map((sub) => nodeOf(sub, [...path, sub.name()])),
    notes: notesOf(command),
  };
}

function argumentOf(argument: Argument): ArgumentNode {
  return {
    name: argument.name(),
    description: argument.description,
    isRepeated: argument.variadic,
    value: valueKind(argument.argChoices, argument.name()),
  };
}

/** The names that our commands give to what they take. */
const FILES = new Set(['file', 'path', 'paths']);
const FOLDERS = new Set(['folder', 'dir']);

function valueKind(choices: readonly string[] | undefined, name: string): ValueKind {
  if (choices !== undefined) return { kind: 'choice', choices };
  if (FILES.has(name)) return { kind: 'file' };
  return { kind: FOLDERS.has(name) ? 'folder' : 'any' };
}

function placeholderOf({ flags }: Option): string {
  return /[<[](.*?)(?:\.{3})?[>\]]$/.exec(flags)?.[1] ?? '';
}

function notesOf(command: Command): string {
  let text = '';
  const output = command.configureOutput();
  command.configureOutput({ ...output, writeOut: (part) => (text += part) });
  command.outputHelp();
  command.configureOutput(output);
  return text.slice(command.helpInformation().length).trim();
}
