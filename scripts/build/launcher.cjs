#!/usr/bin/env node
// Runs the core of the command line, compiled already where V8 is the one that the code cache was made by.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

let cachedData;
try {
  cachedData = readFileSync(`${__dirname}/core-HASH.cache`);
} catch {
  // Without it everything works, later.
}
const source = readFileSync(`${__dirname}/core-HASH.js`, 'utf8');
const script = new Script(source, { filename: 'core-HASH.js', cachedData });
script.runInThisContext()(require, module, exports, __filename, __dirname);
