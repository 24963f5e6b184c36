// Runs a launcher, and writes the code cache of every file that it loaded when the process ends.
// Arguments: the launcher, then those of the command line.
const { writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const vm = require('node:vm');

const [, , launcher] = process.argv;
process.argv.splice(1, 2, launcher);
const scripts = [];
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    // Others make scripts too.
    if (options && 'cachedData' in options) scripts.push({ name: options.filename, script: this });
  }
};
process.on('exit', () => {
  for (const { name, script } of scripts)
    writeFileSync(join(dirname(launcher), name.replace(/\.js$/, '.cache')), script.createCachedData());
});
require(launcher);
