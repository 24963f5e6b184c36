// Bundles the command line into dist/. One file per entry point plus lazily loaded chunks: what a command does not
// need is neither read nor compiled (measured: one file of everything starts 75 ms later).
// `--clean` removes what earlier builds left, for packing.
import { build } from 'esbuild';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ENTRY = 'paceline.js';
// A run that is under way still loads chunks of the build that it was started from.
const KEEP_CHUNKS_MS = 60 * 60 * 1000;
const NAMED = 'named-exports';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const dist = join(root, 'dist');
await mkdir(join(root, 'node_modules'), { recursive: true });
const staging = await mkdtemp(join(root, 'node_modules', '.paceline-build-'));

// A chunk made of a CommonJS package has a default export only, where Node.js also gives the names that it sees in it.
// Lazily imported packages get those names here, so that sources read the same bundled and not.
const namedExports = {
  name: NAMED,
  setup(builder) {
    builder.onResolve({ filter: /^[@\w]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (kind !== 'dynamic-import' || pluginData === NAMED) return;
      const resolved = await builder.resolve(path, { kind, importer, resolveDir, pluginData: NAMED });
      if (resolved.external || resolved.errors.length > 0) return;
      const require = createRequire(join(resolveDir, 'x.js'));
      const { default: whole, ...named } = await import(pathToFileURL(resolved.path));
      const isCommonJs = whole !== undefined && require.cache[resolved.path] !== undefined;
      return isCommonJs ? { path: resolved.path, namespace: NAMED, pluginData: Object.keys(named) } : undefined;
    });
    builder.onLoad({ filter: /.*/, namespace: NAMED }, ({ path, pluginData }) => {
      const names = pluginData.filter((name) => /^[A-Za-z_$][\w$]*$/.test(name));
      const contents = `import whole from ${JSON.stringify(path)}; export default whole; export const { ${names.join(', ')} } = whole;`;
      return { contents, resolveDir: dirname(path) };
    });
  },
};

try {
  await build({
    absWorkingDir: root,
    entryPoints: { paceline: 'src/cli/main.ts' },
    outdir: staging,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minifySyntax: true,
    legalComments: 'none',
    define: { 'process.env.PACELINE_VERSION': JSON.stringify(manifest.version) },
    banner: {
      // CommonJS packages inside an ES module bundle still ask for `require`.
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
    plugins: [namedExports],
  });
  await chmod(join(staging, ENTRY), 0o755);
  await publish(await readdir(staging));
} finally {
  await rm(staging, { recursive: true, force: true });
}

// The entry comes last: whoever starts meanwhile gets the old build or the new one, whole.
async function publish(names) {
  await mkdir(dist, { recursive: true });
  const chunks = names.filter((name) => name !== ENTRY);
  for (const name of [...chunks, ENTRY]) await rename(join(staging, name), join(dist, name));
  const clean = process.argv.includes('--clean');
  for (const name of await readdir(dist)) {
    if (names.includes(name)) continue;
    const { mtimeMs } = await stat(join(dist, name));
    if (clean || Date.now() - mtimeMs > KEEP_CHUNKS_MS) await rm(join(dist, name), { recursive: true });
  }
}
