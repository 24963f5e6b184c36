import type { CommandNode, ValueKind } from '../command-tree.ts';
import { allNodes } from './all-nodes.ts';

/**
 * A script for bash from 3.2 on (macOS), without the bash-completion package. What can be typed is a table by the words
 * typed so far; everything else is the same for every command.
 */
export function bashCompletion(root: CommandNode): string {
  const cases = allNodes(root).map((node) => {
    const values = node.options.flatMap(({ flags, value }) =>
      value === null ? [] : flags.map((flag) => `${flag}:${kindText(value)}`),
    );
    const lines = [
      `commands='${node.commands.map(({ path }) => path.at(-1)).join(' ')}'`,
      `options='${node.options.flatMap(({ flags }) => flags).join(' ')}'`,
      `values=' ${values.join(' ')} '`,
      `arguments='${node.arguments.map(({ value, isRepeated }) => kindText(value) + (isRepeated ? '+' : '')).join(' ')}'`,
    ];
    return `    '${node.path.join(' ')}')\n${lines.map((line) => `      ${line}\n`).join('')}      ;;\n`;
  });
  return HEAD + cases.join('') + TAIL;
}

/** `file`, `folder`, `any`, or the choices. */
function kindText(value: ValueKind): string {
  return value.kind === 'choice' ? `=${value.choices.join(',')}` : value.kind;
}

const HEAD = `# Completion of paceline for bash. Made by: paceline completion bash

# What can follow these words: sets commands, options, values and arguments.
_paceline_table() {
  commands='' options='' values=' ' arguments=''
  case $1 in
`;

const TAIL = `  esac
}

_paceline() {
  local commands options values arguments
  local path='' word kind='' position=0 at=1 current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  _paceline_table ''
  while [ "$at" -lt "$COMP_CWORD" ]; do
    word=\${COMP_WORDS[at]}
    kind=''
    case $word in
      -*)
        case $values in
          *" $word:"*)
            kind=\${values#*" $word:"}
            kind=\${kind%% *}
            # Its value: the next word, behind a = that bash makes a word of its own.
            [ "\${COMP_WORDS[at + 1]}" = '=' ] && [ $((at + 1)) -le "$COMP_CWORD" ] && at=$((at + 1))
            at=$((at + 1))
            ;;
        esac
        ;;
      # bash makes words of their own of these: os:linux, name=value.
      : | =) at=$((at + 1)) ;;
      *)
        case " $commands " in
          *" $word "*)
            path="\${path:+$path }$word"
            position=0
            _paceline_table "$path"
            ;;
          *) position=$((position + 1)) ;;
        esac
        ;;
    esac
    at=$((at + 1))
  done
  # The value of an option is being typed when the walk went beyond the word under the cursor.
  if [ "$at" -le "$COMP_CWORD" ]; then kind=''; fi
  [ "$current" = '=' ] && current=''

  if [ -n "$kind" ]; then
    _paceline_values "$kind"
  elif [ "\${current#-}" != "$current" ]; then
    _paceline_words "$options"
  elif [ -n "$commands" ] && [ "$position" -eq 0 ]; then
    _paceline_words "$commands"
  else
    set -- $arguments
    while [ "$position" -gt 0 ] && [ $# -gt 0 ] && [ "\${1%+}" = "$1" ]; do
      shift
      position=$((position - 1))
    done
    [ $# -gt 0 ] && _paceline_values "\${1%+}"
  fi
  return 0
}

_paceline_words() {
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}

_paceline_values() {
  local line flag
  case $1 in
    =*)
      line=\${1#=}
      _paceline_words "\${line//,/ }"
      return
      ;;
    file) flag=-f ;;
    folder) flag=-d ;;
    *) return ;;
  esac
  # Not on bash 3.2, nor outside of a completion.
  compopt -o filenames 2>/dev/null
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$flag" -- "$current")
}

complete -F _paceline paceline
`;
