import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FindRepository, loadWorkflowFiles } from '../../src/local/load-workflow-files.ts';
import type { LoadedWorkflows } from '../../src/workflow/load-workflows.ts';
import { temporaryFolder } from './git-folder.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const nowhere: FindRepository = (uses) => Promise.resolve({ kind: 'problem', message: `nobody has ${uses}` });
const LEAF = 'on: workflow_call\njobs: { inner: { runs-on: x, steps: [ { run: echo } ] } }';
const caller = (...uses: readonly string[]): string =>
  `on: push\njobs:\n${uses.map((text, n) => `  c${String(n)}: { uses: ${text} }`).join('\n')}\n`;
const calling = (text: string): string => text.replace('on: push', 'on: workflow_call');

async function load(files: Readonly<Record<string, string>>, find = nowhere): Promise<LoadedWorkflows> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return loadWorkflowFiles({ path: join(folder, 'main.yml'), shown: 'main.yml' }, folder, find);
}

const messages = ({ diagnostics }: LoadedWorkflows): string[] =>
  diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ file, line, message }) => `${file}:${String(line)}: ${message}`);

describe('the workflows of a run', () => {
  it('are the one that was asked for and all that are called, each once', async () => {
    const loaded = await load({
      'main.yml': caller('./.github/workflows/a.yml', './.github/workflows/b.yml'),
      '.github/workflows/a.yml': calling(caller('./.github/workflows/b.yml')),
      '.github/workflows/b.yml': LEAF,
    });
    expect(messages(loaded)).toEqual([]);
    expect(loaded.workflows.map(({ path }) => path)).toEqual([
      'main.yml',
      '.github/workflows/a.yml',
      '.github/workflows/b.yml',
    ]);
    expect(loaded.calls).toEqual({ './.github/workflows/a.yml': 1, './.github/workflows/b.yml': 2 });
  });

  it('come from other repositories, where ./ means that repository', async () => {
    const remote = join(folder, 'remote');
    const found: string[] = [];
    const loaded = await load(
      {
        'main.yml': caller('o/r/.github/workflows/a.yml@v1', './.github/workflows/b.yml'),
        '.github/workflows/b.yml': LEAF,
        'remote/.github/workflows/a.yml': calling(caller('./.github/workflows/b.yml')),
        'remote/.github/workflows/b.yml': LEAF.replace('inner', 'theirs'),
      },
      (uses) => {
        found.push(uses);
        return Promise.resolve({ kind: 'found', directory: remote });
      },
    );
    expect(messages(loaded)).toEqual([]);
    expect(found).toEqual(['o/r/.github/workflows/a.yml@v1', 'o/r/.github/workflows/b.yml@v1']);
    const { workflows, calls } = loaded;
    expect(workflows[calls['o/r/.github/workflows/b.yml@v1']!]!.jobs[0]!.id).toBe('theirs');
    expect(workflows[calls['./.github/workflows/b.yml']!]!.jobs[0]!.id).toBe('inner');
  });

  it.each([
    [
      'a file that is not there',
      caller('./.github/workflows/none.yml'),
      /main\.yml:3: the called workflow .* is not there/,
    ],
    ['a repository that cannot be had', caller('o/r/.github/workflows/a.yml@v1'), /main\.yml:3: nobody has o\/r/],
    ['a workflow that cannot be called', caller('./.github/workflows/push.yml'), /cannot be called/],
    ['an input that is not declared', caller('./.github/workflows/leaf.yml, with: { x: 1 }'), /has no input 'x'/],
    ['an input that is required', caller('./.github/workflows/needy.yml'), /requires the input 'must'/],
    [
      'a secret that is required',
      caller('./.github/workflows/needy.yml, with: { MUST: a }'),
      /requires the secret 'key'/,
    ],
    [
      'a secret that is not declared',
      caller('./.github/workflows/leaf.yml, secrets: { x: a }'),
      /declares no secret 'x'/,
    ],
    [
      'an error in the called file',
      caller('./.github/workflows/broken.yml'),
      /^\.github\/workflows\/broken\.yml:\d+: /,
    ],
  ])('are refused before anything runs: %s', async (_, main, message) => {
    const loaded = await load({
      'main.yml': main,
      '.github/workflows/push.yml': LEAF.replace('workflow_call', 'push'),
      '.github/workflows/leaf.yml': LEAF,
      '.github/workflows/needy.yml': LEAF.replace(
        'on: workflow_call',
        'on: { workflow_call: { inputs: { must: { type: string, required: true } }, secrets: { key: { required: true } } } }',
      ),
      '.github/workflows/broken.yml': 'on: workflow_call\njobs: { a: { } }',
    });
    expect(messages(loaded)[0]).toMatch(message);
    expect(loaded.workflows).toEqual([]);
  });

  it('take inherited secrets for those that are required', async () => {
    const loaded = await load({
      'main.yml': caller('./.github/workflows/needy.yml, secrets: inherit'),
      '.github/workflows/needy.yml': LEAF.replace(
        'on: workflow_call',
        'on: { workflow_call: { secrets: { key: { required: true } } } }',
      ),
    });
    expect(messages(loaded)).toEqual([]);
  });

  it('may not call themselves, however far around', async () => {
    const loaded = await load({
      'main.yml': caller('./.github/workflows/a.yml'),
      '.github/workflows/a.yml': calling(caller('./.github/workflows/b.yml')),
      '.github/workflows/b.yml': calling(caller('./.github/workflows/a.yml')),
    });
    expect(messages(loaded)).toEqual([
      ".github/workflows/b.yml:3: './.github/workflows/a.yml' ends up calling itself; `limits.max-depth` of the workflow that runs says how deep it may",
    ]);
  });

  it('are at most fifty different ones beside the first', async () => {
    const names = Array.from({ length: 51 }, (_, n) => `.github/workflows/w${String(n)}.yml`);
    const files = Object.fromEntries(names.map((name) => [name, LEAF]));
    const load50 = await load({ ...files, 'main.yml': caller(...names.slice(1).map((name) => `./${name}`)) });
    expect(messages(load50)).toEqual([]);
    const load51 = await load({ 'main.yml': caller(...names.map((name) => `./${name}`)) });
    expect(messages(load51)).toEqual(['main.yml:53: a run may call at most 50 different workflows']);
  });

  it('go ten levels deep and no further', async () => {
    const chain = (levels: number): Record<string, string> => {
      const files: Record<string, string> = { 'main.yml': caller('./.github/workflows/w2.yml') };
      for (let level = 2; level < levels; level++)
        files[`.github/workflows/w${String(level)}.yml`] = calling(
          caller(`./.github/workflows/w${String(level + 1)}.yml`),
        );
      return { ...files, [`.github/workflows/w${String(levels)}.yml`]: LEAF };
    };
    expect(messages(await load(chain(10)))).toEqual([]);
    expect(messages(await load(chain(11)))).toEqual([
      ".github/workflows/w10.yml:3: './.github/workflows/w11.yml' would be level 11 of at most 10",
    ]);
  });

  it('are read once each, even when calls fan out and in on every level', async () => {
    const files: Record<string, string> = {
      'main.yml': caller('./.github/workflows/w2a.yml', './.github/workflows/w2b.yml'),
    };
    for (let level = 2; level < 10; level++)
      for (const side of ['a', 'b'])
        files[`.github/workflows/w${String(level)}${side}.yml`] = calling(
          caller(...['a', 'b'].map((next) => `./.github/workflows/w${String(level + 1)}${next}.yml`)),
        );
    for (const side of ['a', 'b']) files[`.github/workflows/w10${side}.yml`] = LEAF;
    const loaded = await load(files);
    expect(messages(loaded)).toEqual([]);
    expect(loaded.workflows).toHaveLength(19);
  });
});
