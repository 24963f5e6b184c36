// Writes schemas/*.schema.json and docs/configure.md from the schemas in the code. Run it after changing one; a test
// holds them together.
import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';

const root = new URL('..', import.meta.url);
await Promise.all([writeSchemas(), writePage()]);

async function writeSchemas() {
  const { schemaFiles } = await load('scripts/schema-files.ts');
  for (const [name, text] of Object.entries(schemaFiles())) await writeFile(new URL(`schemas/${name}`, root), text);
}

async function writePage() {
  const { configurePage } = await load('scripts/configure-page.ts');
  await writeFile(new URL('docs/configure.md', root), configurePage());
}

async function load(entry) {
  const bundled = await build({
    absWorkingDir: root.pathname,
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
  });
  const code = bundled.outputFiles[0].contents;
  return import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
}
