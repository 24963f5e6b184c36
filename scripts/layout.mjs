// Makes the folder of a runner from the build; docs/install.md says what one does with it.
import { parseArgs } from 'node:util';
import { layOut } from './distribution/lay-out.mjs';
import { checkPlatform, thisPlatform } from './distribution/platforms.mjs';
import { endWithSentence } from './distribution/problem.mjs';

const USAGE = `usage: scripts/layout [--node PATH | --no-node] [--platform PLATFORM] OUT

  OUT                   a folder that is not there yet, or empty
  --node PATH           the Node.js that comes along (default: the pinned one, from the npm registry)
  --no-node             none: the runner takes the Node.js of the PATH
  --platform PLATFORM   linux-x64, linux-arm64, darwin-x64, darwin-arm64 (default: this machine's)

example: scripts/layout --node "$(command -v node)" /opt/runner
`;

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      node: { type: 'string' },
      'no-node': { type: 'boolean', default: false },
      platform: { type: 'string', default: thisPlatform() },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) process.stdout.write(USAGE);
  else if (positionals.length !== 1) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
  } else {
    checkPlatform(values.platform);
    const node = values['no-node']
      ? { kind: 'none' }
      : values.node
        ? { kind: 'file', path: values.node }
        : { kind: 'pinned' };
    await layOut({ out: positionals[0], platform: values.platform, node });
  }
} catch (error) {
  endWithSentence('scripts/layout', error);
}
