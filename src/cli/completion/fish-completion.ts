import type { CommandNode, OptionNode, ValueKind } from '../command-tree.ts';
import { allNodes } from './all-nodes.ts';

/** A script for fish from 3.0 on: a line for each thing that can be typed, with the words it may be typed behind. */
export function fishCompletion(root: CommandNode): string {
  const nodes = allNodes(root);
  const taking = nodes.map((node) => {
    const flags = node.options.flatMap((option) => (option.value === null ? [] : option.flags));
    const names = node.commands.map(({ path }) => path.at(-1)).join(' ');
    return `        case ${quoted(node.path.join(' '))}\n            set commands ${names}\n            set taking ${flags.join(' ')}\n`;
  });
  return HEAD.replace('TABLE\n', taking.join('')) + nodes.map(linesOf).join('');
}

const HEAD = `# Completion of paceline for fish. Made by: paceline completion fish

# Prints the commands among the words before the cursor, without options and their values, then how many more words
# there are: "runs list:0".
function __paceline_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l position 0
    set -l is_value 0
    __paceline_table ''
    for word in $words
        if test $is_value = 1
            set is_value 0
        else if string match -q -- '-*' $word
            contains -- $word $taking; and set is_value 1
        else if contains -- $word $commands
            set -a path $word
            set position 0
            __paceline_table "$path"
        else
            set position (math $position + 1)
        end
    end
    echo "$path:$position"
end

function __paceline_table --no-scope-shadowing
    set commands
    set taking
    switch $argv[1]
TABLE
    end
end

# Whether the words before the cursor are this command.
function __paceline_in
    string match -q -- "$argv[1]:*" (__paceline_at)
end

# Whether the word under the cursor is this one of its arguments, the first being 0; with + this one or a later one.
function __paceline_argument
    set -l at (string split ':' -- (__paceline_at))
    test "$at[1]" = "$argv[1]"; or return 1
    if string match -q -- '*+' $argv[2]
        test $at[2] -ge (string trim -c + -- $argv[2])
    else
        test $at[2] -eq $argv[2]
    end
end

complete -c paceline -f
`;

function linesOf(node: CommandNode): string {
  const path = quoted(node.path.join(' '));
  const inside = `__paceline_in ${path}`;
  const lines = [
    ...node.commands.map(
      (sub) =>
        `-n ${quoted(`__paceline_argument ${path} 0`)} -a ${String(sub.path.at(-1))} -d ${quoted(sub.description)}`,
    ),
    ...node.options.map((option) => `-n ${quoted(inside)} ${optionWords(option)} -d ${quoted(option.description)}`),
    ...node.arguments.flatMap(({ value, isRepeated }, at) => {
      const place = `${at}${isRepeated ? '+' : ''}`;
      const words = valueWords(value);
      return words === '' ? [] : [`-n ${quoted(`__paceline_argument ${path} ${place}`)} ${words}`];
    }),
  ];
  return lines.map((line) => `complete -c paceline ${line}\n`).join('');
}

function optionWords({ flags, value }: OptionNode): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  if (value === null) return names;
  // -x: takes a value, and no file stands for it.
  return [names, value.kind === 'file' ? '-r' : '-x', valueWords(value)].filter(Boolean).join(' ');
}

function valueWords(value: ValueKind): string {
  switch (value.kind) {
    case 'choice':
      return `-a ${quoted(value.choices.join(' '))}`;
    case 'file':
      return '-F';
    case 'folder':
      return "-a '(__fish_complete_directories)'";
    case 'any':
      return '';
  }
}

/** In single quotes only these two mean something. */
function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
