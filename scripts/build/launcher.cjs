#!/usr/bin/env node
// Runs the core of the command line, compiled already where V8 is the one that the code cache was made by.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__dirname}/core-HASH.js`;
let cachedData;
try {
  cachedData = readFileSync(`${__dirname}/core-HASH.cache`);
} catch {
  // Without it everything works, later.
}
const script = new Script(readFileSync(filename, 'utf8'), { filename, cachedData });
script.runInThisContext()(require, module, exports, filename, __dirname);
