/** What the documents show must be what the product takes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = ['README.md', 'CONTRIBUTING.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md'),
);

function snippets(document: string): string[] {
  const text = readFileSync(`${root}${document}`, 'utf8');
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml]) => yaml!);
}

/** A snippet is a whole workflow, or the steps of a job. */
function asWorkflow(snippet: string): string {
  if (!snippet.startsWith('steps:')) return snippet;
  return `on: push\njobs:\n  job:\n    runs-on: x\n${snippet.replace(/^/gm, '    ')}`;
}

describe('the YAML in the documents', () => {
  it('is there', () => {
    expect(documents.flatMap(snippets).length).toBeGreaterThan(0);
  });

  it.each(documents.flatMap((document) => snippets(document).map((snippet) => [document, snippet])))(
    'in %s has neither errors nor warnings',
    (document, snippet) => {
      expect(parseWorkflow(asWorkflow(snippet), document).diagnostics).toEqual([]);
    },
  );
});

describe('the files that the documents name', () => {
  it.each(documents)('are there: %s', (document) => {
    const text = readFileSync(`${root}${document}`, 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target]) => target!);
    const folder = document.includes('/') ? `${root}docs/` : root;
    for (const target of links) expect(existsSync(`${folder}${target}`)).toBe(true);
  });
});

describe('the examples', () => {
  it.each(readdirSync(`${root}examples`).filter((name) => name.endsWith('.yml')))(
    '%s has neither errors nor warnings',
    (name) => {
      expect(parseWorkflow(readFileSync(`${root}examples/${name}`), name).diagnostics).toEqual([]);
    },
  );
});
