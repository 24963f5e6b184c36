/**
 * GitHub's own parser, `@actions/workflow-parser`, as the oracle. Plain Node refuses its JSON imports, so it is bundled and
 * runs in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

const PROGRAM = `
import { FeatureFlags } from '@actions/expressions/features';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { TemplateContext, TemplateValidationErrors } from '@actions/workflow-parser/templates/template-context';
import { getWorkflowSchema } from '@actions/workflow-parser/workflows/workflow-schema';

const featureFlags = new FeatureFlags({ all: true });

async function errorsOf(content) {
  const context = new TemplateContext(new TemplateValidationErrors(), getWorkflowSchema(), new NoOperationTraceWriter());
  context.state.featureFlags = featureFlags;
  const { value } = parseWorkflow({ name: 'w.yml', content }, context);
  if (value !== undefined && context.errors.getErrors().length === 0)
    await convertWorkflowTemplate(context, value, undefined, { featureFlags });
  return context.errors.getErrors().map(({ message }) => message);
}

let input = '';
for await (const text of process.stdin.setEncoding('utf8')) input += text;
const results = [];
for (const content of JSON.parse(input)) results.push(await errorsOf(content));
process.stdout.write(JSON.stringify(results));
`;

/** The errors that GitHub's parser finds in each of the workflows, background steps allowed. */
export function officialErrors(workflows: readonly string[]): readonly (readonly string[])[] {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-oracle-'));
  try {
    const outfile = join(directory, 'official.mjs');
    buildSync({
      stdin: { contents: PROGRAM, resolveDir: join(import.meta.dirname, '../..'), loader: 'js' },
      bundle: true,
      platform: 'node',
      // The CommonJS parts of `yaml` ask for built-in modules.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      format: 'esm',
      outfile,
      logLevel: 'silent',
    });
    const { stdout, stderr, status } = spawnSync(process.execPath, [outfile], {
      input: JSON.stringify(workflows),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the official parser failed: ${stderr}`);
    return JSON.parse(stdout) as string[][];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
