import type { CommandNode, OptionNode, ValueKind } from '../command-tree.ts';
import { allNodes } from './all-nodes.ts';

/** A script for the completion system of zsh: a function for each command, in the words of `_arguments`. */
export function zshCompletion(root: CommandNode): string {
  return HEAD + allNodes(root).map(functionOf).join('\n') + TAIL;
}

const HEAD = `#compdef paceline
# Completion of paceline for zsh. Made by: paceline completion zsh

`;

/** A file of `fpath` is the function itself when it is first called; one that is sourced names its function. */
const TAIL = `
if [ "$funcstack[1]" = "_paceline" ]; then
  _paceline "$@"
else
  compdef _paceline paceline
fi
`;

function functionOf(node: CommandNode): string {
  const specs = [
    ...node.options.flatMap(optionSpecs),
    ...node.arguments.map(({ name, description, value, isRepeated }, at) => {
      const message = escaped(description === '' ? name : description);
      return `${isRepeated ? '*' : String(at + 1)}:${message}:${actionOf(value)}`;
    }),
  ];
  const name = nameOf(node);
  if (node.commands.length === 0) return `${name}() {\n  _arguments -s \\\n${specs.map(lineOf).join(' \\\n')}\n}\n`;
  const described = node.commands.map(
    ({ path, description }) => `    ${quoted(`${String(path.at(-1))}:${description}`)}\n`,
  );
  const cases = node.commands.map((sub) => `    ${String(sub.path.at(-1))}) ${nameOf(sub)} ;;\n`);
  const own = [...specs, '1:command:->command', '*::argument:->argument'];
  return `${name}() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${described.join('')}  )
  _arguments -C -s \\
${own.map(lineOf).join(' \\\n')} && return
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $words[1] in
${cases.map((text) => `    ${text}`).join('')}      esac
      ;;
  esac
}
`;
}

function nameOf({ path }: CommandNode): string {
  return ['_paceline', ...path].join('_').replaceAll('-', '_');
}

/** One for each of its names; the names exclude each other unless it may be given several times. */
function optionSpecs({ flags, description, value, isRepeatable }: OptionNode): string[] {
  const before = isRepeatable ? '*' : `(${flags.join(' ')})`;
  return flags.map((flag) => {
    const takes = value === null ? '' : `:${flag.replace(/^-+/, '')}:${actionOf(value)}`;
    const equals = value !== null && flag.startsWith('--') ? '=' : '';
    return `${before}${flag}${equals}[${escaped(description)}]${takes}`;
  });
}

function actionOf(value: ValueKind): string {
  switch (value.kind) {
    case 'choice':
      return `(${value.choices.join(' ')})`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'any':
      return ' ';
  }
}

function lineOf(spec: string): string {
  return `    ${quoted(spec)}`;
}

/** What ends a part of a specification. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
