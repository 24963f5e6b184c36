// Bundles the command line into dist/:
//   paceline.js       what is started: loads the core with its code cache (launcher.cjs)
//   core-HASH.js      everything of ours, and of packages what a plain run needs
//   NAME-HASH.cache   what V8 made of a file in a run: compiling it anew takes a third of a short run (135 ms against
//                     90). Another version of V8 refuses it and compiles anew.
//   PART-HASH.js      the commands that speak with a server, the server and the agent, each loaded when it is needed
//   NAME-HASH.js      packages that few runs need, each loaded when it is needed, and what threads are started with;
//                     the server knows the latter's names as PACELINE_THREADS
//   paceline.1        the manual page
// `--clean` removes what earlier builds left, for packing.
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeCodeCache } from './build/write-code-cache.mjs';

const ENTRY = 'paceline.js';
const LAZY_PACKAGES = ['@actions/glob', 'log-update', 'undici', 'winston', 'zod'];
/**
 * Modules that are imported dynamically only, with all that they need, so that a plain run reads nothing of it. One that
 * imports another comes after it. They have classes of their own: what crosses is told apart by name, not by `instanceof`.
 */
const PARTS = {
  server: 'src/cli/commands/server.ts',
  agent: 'src/cli/commands/agent.ts',
  client: 'src/cli/commands/client.ts',
};
/** Files that a thread of the server is started with. */
const THREADS = { store: 'src/server/storage/store-thread.ts', search: 'src/server/logs/search-thread.ts' };
// With a part in machine code, and what only such a part would need.
const EXTERNAL_PACKAGES = ['libsql', 'pg-native'];
// A run that is under way still loads what it was started from.
const KEEP_EARLIER_MS = 60 * 60 * 1000;

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const common = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  external: EXTERNAL_PACKAGES,
  // Names and lines stay readable in a stack that somebody reports.
  minifySyntax: true,
  // Becomes `require` of a file of ours, which the code cache and our own file names need.
  supported: { 'dynamic-import': false },
  legalComments: 'none',
  logLevel: 'warning',
};

await mkdir(join(root, 'node_modules'), { recursive: true });
const staging = await mkdtemp(join(root, 'node_modules', '.paceline-build-'));
try {
  const lazy = new Map();
  for (const name of LAZY_PACKAGES) {
    const { outputFiles } = await build({ ...common, entryPoints: [name], outdir: staging });
    lazy.set(name, await place(name.replace(/\W+/g, '-').replace(/^-/, ''), outputFiles[0].text));
  }
  const threads = {};
  for (const [name, entry] of Object.entries(THREADS)) {
    const { outputFiles } = await build({ ...common, entryPoints: [entry], outdir: staging });
    threads[name] = await place(`${name}-thread`, outputFiles[0].text);
  }
  // By the module's path.
  const parts = new Map();
  for (const [name, entry] of Object.entries(PARTS))
    parts.set(join(root, entry), await place(name, await bundle(entry, { lazy, parts, threads })));
  const core = await place('core', await bundle('src/cli/main.ts', { lazy, parts, threads }));
  await writeFile(join(staging, 'package.json'), '{ "type": "commonjs" }\n');
  const launcher = await readFile(join(root, 'scripts/build/launcher.cjs'), 'utf8');
  await writeFile(join(staging, ENTRY), launcher.replace('core-HASH.js', core));
  await chmod(join(staging, ENTRY), 0o755);
  await writeCodeCache(staging, ENTRY);
  await writeFile(join(staging, 'paceline.1'), await manualPage(join(staging, ENTRY)));
  await publish(await readdir(staging));
} finally {
  await rm(staging, { recursive: true, force: true });
}

async function bundle(entry, { lazy, parts, threads }) {
  const { outputFiles } = await build({
    ...common,
    entryPoints: [entry],
    outdir: staging,
    define: {
      'process.env.PACELINE_VERSION': JSON.stringify(manifest.version),
      'process.env.PACELINE_THREADS': JSON.stringify(JSON.stringify(threads)),
      'import.meta.url': '__filename',
      'import.meta.filename': '__filename',
    },
    plugins: [
      {
        name: 'files-of-their-own',
        setup(builder) {
          builder.onResolve({ filter: /^[@\w]/ }, ({ path }) =>
            lazy.has(path) ? { path: `./${lazy.get(path)}`, external: true } : undefined,
          );
          builder.onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
            const part = kind === 'dynamic-import' ? parts.get(join(resolveDir, path)) : undefined;
            return part === undefined ? undefined : { path: `./${part}`, external: true };
          });
        },
      },
    ],
  });
  return outputFiles[0].text.replace(/^#!.*\n/, '');
}

/**
 * Writes a file named after its contents, and returns the name. Only comments and patterns have characters beyond ASCII
 * here: with one of them escaped as well, the engine keeps the source in half the memory.
 */
async function place(name, source) {
  const text = source.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  await writeFile(join(staging, `${name}-${hash}.js`), text);
  return `${name}-${hash}.js`;
}

async function manualPage(entry) {
  const { stdout } = await promisify(execFile)(process.execPath, [entry, 'man']);
  return stdout;
}

/** The entry comes last: whoever starts meanwhile gets the old build or the new one, whole. */
async function publish(names) {
  await mkdir(dist, { recursive: true });
  for (const name of [...names.filter((other) => other !== ENTRY), ENTRY])
    await rename(join(staging, name), join(dist, name));
  const clean = process.argv.includes('--clean');
  for (const name of await readdir(dist)) {
    if (names.includes(name)) continue;
    const { mtimeMs } = await stat(join(dist, name));
    if (clean || Date.now() - mtimeMs > KEEP_EARLIER_MS) await rm(join(dist, name), { recursive: true });
  }
}
