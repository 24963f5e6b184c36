import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Of blocks that show what is printed. */
const OUTPUT = /^(?:Side by side {2}|\{)/;

/**
 * The command lines in a document, in its order: the lines of blocks without a language, or for a shell, without what
 * is said about them behind two spaces.
 */
export function documentCommands(document: string): string[] {
  return shellBlocks(readFileSync(`${root}${document}`, 'utf8'))
    .filter((block) => !OUTPUT.test(block))
    .flatMap((block) => block.replaceAll(/ *\\\n\s*/g, ' ').split('\n'))
    .map((line) => line.trim().replace(/ {2,}.*$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function shellBlocks(text: string): string[] {
  const blocks: string[] = [];
  // Between two fences a block and what is between blocks take turns.
  for (const [index, part] of text.split(/^ *```/m).entries()) {
    const [, language, block] = /^(\w*)\n([\s\S]*)$/.exec(part) ?? [];
    if (index % 2 === 1 && block !== undefined && ['', 'sh', 'bash', 'console'].includes(language ?? ''))
      blocks.push(block);
  }
  return blocks;
}
