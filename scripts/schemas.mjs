// Writes schemas/*.schema.json from the schemas in the code. Run it after changing one; a test holds them together.
import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';

const root = new URL('..', import.meta.url);
const bundled = await build({
  absWorkingDir: root.pathname,
  entryPoints: ['scripts/schema-files.ts'],
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const code = bundled.outputFiles[0].contents;
const { schemaFiles } = await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
for (const [name, text] of Object.entries(schemaFiles())) await writeFile(new URL(`schemas/${name}`, root), text);
