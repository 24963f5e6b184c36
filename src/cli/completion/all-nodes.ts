import type { CommandNode } from '../command-tree.ts';

/** The command and all below it, each before those below it. */
export function allNodes(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(allNodes)];
}
