/** What the documents say to type is there, with every option, and every setting that they name. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONFIG_VARIABLES } from '../../src/config/runner-config-variables.ts';
import { SCOPES } from '../../src/protocol/run-api.ts';
import { CommandLine } from '../cli/command-line.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (document: string): string => readFileSync(`${root}${document}`, 'utf8');
const documents = ['README.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)];
/** Only of these the command line is asked for help. */
const WORD = /^[a-z][a-z-]*$/;

let line: CommandLine;
const helps = new Map<string, Promise<string>>();
beforeAll(async () => (line = await CommandLine.open()));
afterAll(() => line.close());

/** Asked once for each command. */
function help(path: readonly string[]): Promise<string> {
  const key = path.join(' ');
  const known = helps.get(key);
  if (known) return known;
  const asked = line.run([...path, '--help']).then(({ exitCode, stdout, stderr }) => {
    expect({ key, exitCode, stderr }).toEqual({ key, exitCode: 0, stderr: '' });
    return stdout;
  });
  helps.set(key, asked);
  return asked;
}

/** `paceline …` of the blocks without a language and of the text, without what follows it. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```\n([\s\S]*?)^```$/gm)].flatMap(([, block]) => block!.split('\n'));
  const words = [...text.matchAll(/`((?:scripts\/)?paceline [^`]+)`/g)].map(([, command]) => command!);
  return [...blocks, ...words]
    .map((text) => /^(?:[A-Z_]+=\S+ )*(?:scripts\/)?paceline (.*?)(?: {2,}.*| [<>|].*)?$/.exec(text)?.[1])
    .filter((command) => command !== undefined);
}

describe('the commands in the documents', () => {
  it.each(documents.flatMap((document) => commandsIn(read(document)).map((command) => [document, command])))(
    'in %s there is `paceline %s`',
    async (_document, command) => {
      const words = command.split(' ');
      const path: string[] = [];
      for (const word of words) {
        const has = WORD.test(word) && new RegExp(`^  ${word} `, 'm').test(await help(path));
        if (!has) break;
        path.push(word);
      }
      expect(path.length > 0 || words[0]!.startsWith('-')).toBe(true);
      const text = await help(path);
      for (const option of words.filter((word) => word.startsWith('-') && word !== '-'))
        expect(text).toMatch(new RegExp(`(?:^|[ ,])${option}\\b`, 'm'));
    },
  );
});

describe('the settings in the documents', () => {
  const keys = new Set(CONFIG_VARIABLES.map(({ path }) => path.join('.')));

  it.each(documents)('are settings: %s', (document) => {
    const named = [...read(document).matchAll(/`((?:agent|server|actions|hooks|log|stopGrace)\.[a-z]\w*(?:\.\w+)?)`/g)];
    for (const [, key] of named) expect([...keys]).toContain(key);
  });
});

describe('the scopes of tokens', () => {
  it('are each explained in docs/secure.md, and no other is', () => {
    const [, table = ''] = read('docs/secure.md').split('| scope | may |');
    const cells = table.split('\n\n')[0]!.matchAll(/^\| (`.*?) \|/gm);
    const named = [...cells].flatMap(([, cell]) => [...cell!.matchAll(/`([a-z:]+)`/g)]);
    expect(named.map(([, scope]) => scope).sort()).toEqual([...SCOPES].sort());
  });
});
