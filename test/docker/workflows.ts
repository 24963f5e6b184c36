import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gateScript } from './container-plane.ts';

/** Two jobs that wait at the gate `work` of their container; where there is none they go on. */
export const TWO_JOBS = `
on: push
jobs:
  one: &job
    runs-on: ubuntu-latest
    steps:
      - run: |
          ${gateScript('work')}
          echo went on
  two: *job
`;

/** One job: the first step as it stands, then a step for each script, by its number. */
export const job = (label: string, scripts: readonly string[], first = ''): string => `
on: push
jobs:
  job:
    runs-on: ${label}
    steps:
${[first, ...scripts.map((script, index) => `{ name: "${index}", run: ${JSON.stringify(script)} }`)]
  .filter((step) => step !== '')
  .map((step) => `      - ${step}\n`)
  .join('')}`;

/** An action with a post step, `acme/mark`. */
export async function writeAction(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'action.yml'), 'name: mark\nruns: { using: node20, main: main.js, post: post.js }\n');
  await writeFile(join(folder, 'main.js'), 'console.log("main");\n');
  await writeFile(join(folder, 'post.js'), 'console.log("the post step ran");\n');
}
