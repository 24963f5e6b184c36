// Runs a core as the launcher does, and writes its code cache when the process ends.
// Arguments: the core, then those of the command line.
const { readFileSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { basename, dirname } = require('node:path');
const { Script } = require('node:vm');

const [, , filename] = process.argv;
process.argv.splice(1, 2, filename);
// The name stays in the cache, and in every stack: no place of this machine.
const script = new Script(readFileSync(filename, 'utf8'), { filename: basename(filename) });
process.on('exit', () => writeFileSync(filename.replace(/\.js$/, '.cache'), script.createCachedData()));
script.runInThisContext()(createRequire(filename), module, exports, filename, dirname(filename));
