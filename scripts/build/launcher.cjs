#!/usr/bin/env node
// Runs the core of the command line. It, and what it loads of the files beside it, is compiled already where V8 is the
// one that the code caches were made by.
const { existsSync, readFileSync } = require('node:fs');
const { wrap } = require('node:module');
const { Script } = require('node:vm');

const modules = new Map();

/** As `require`, for `./NAME.js` beside this file. */
function load(id) {
  const path = `${__dirname}/${id}`;
  if (!id.startsWith('./') || !existsSync(path)) return require(id);
  let loaded = modules.get(id);
  if (!loaded) {
    loaded = { exports: {} };
    modules.set(id, loaded);
    let cachedData;
    try {
      cachedData = readFileSync(path.replace(/\.js$/, '.cache'));
    } catch {
      // Few have one; without it everything works, later.
    }
    // The name stays in the cache, and in every stack: no place of the machine that built it.
    const script = new Script(wrap(readFileSync(path, 'utf8')), { filename: id.slice(2), cachedData });
    script.runInThisContext()(loaded.exports, load, loaded, __filename, __dirname);
  }
  return loaded.exports;
}

load('./core-HASH.js');
