/**
 * Every command in the documents is run, against a real server and a real agent, in the order of its page; or it stands
 * in NOT_RUN with the reason. What is written into a page anew is run as it stands, until this file says more about it.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { documentCommands } from './document-commands.ts';
import { DocumentWorld } from './document-world.ts';

const documents = [
  'README.md',
  ...readdirSync(fileURLToPath(new URL('../../docs', import.meta.url))).map((name) => `docs/${name}`),
];

/** Nobody waits so long but on a machine that has other things to do. */
const PAGE_LIMIT_MS = 300_000;

/** Commands that begin like this are not run here. */
const NOT_RUN: readonly { readonly begins: RegExp; readonly why: string }[] = [
  { begins: /^node scale-agents/, why: 'goes on for ever; test/cli/scaler.test.ts and test/cli/fleet.test.ts have it' },
  { begins: /^scripts\/start/, why: 'builds in the checkout; test/cli/up.test.ts runs what it starts' },
  { begins: /^scripts\/test/, why: 'is what runs this' },
  { begins: /^PACELINE_SERVER_DATABASE=postgres:\/\/…/, why: 'names no database; test/server/storage has PostgreSQL' },
  { begins: /^docker /, why: 'needs an engine and images; test/docker has both' },
  { begins: /^(?:mkdir -m 700 secrets|openssl rand)/, why: 'is for compose.yaml, which test/docker plays' },
  { begins: /^scripts\/package/, why: 'packs the checkout; test/install and test/docker unpack what it makes' },
  {
    begins: /^(?:sha256sum |mkdir runner|cd runner|(?:PACELINE_TOKEN=.* )?\.\/(?:config|run)\.sh|sudo )/,
    why: 'is of an unpacked tarball and its service; test/install and test/systemd do it',
  },
  { begins: /^nft /, why: 'changes the network of this machine' },
  {
    begins: /^(?:bin\/)?paceline .*--folder \/opt\/runner/,
    why: 'needs an installed runner; test/install and test/doctor have one',
  },
];

/** Beyond the server, what a command needs to be so before it; `world.run` of anything else. */
interface Way {
  readonly of: RegExp;
  readonly prepare?: (world: DocumentWorld) => Promise<unknown>;
  /** What it stays as, and what it says when it has started. */
  readonly stays?: { readonly as: string; readonly until: RegExp };
  /** Default: 0. */
  readonly codes?: readonly number[];
  /** Speaks with no server. */
  readonly isAlone?: boolean;
}

const WAYS: readonly Way[] = [
  {
    of: /^paceline server(?: --|$)/,
    isAlone: true,
    prepare: (world) => world.stop('up'),
    stays: { as: 'server', until: /listens at/ },
  },
  { of: /^paceline server (?:rotate-key|admin-token)/, isAlone: true, prepare: (world) => world.stop('server') },
  { of: /^paceline server restore .*--force/, isAlone: true, prepare: (world) => world.stop('server') },
  {
    of: /^paceline server restore/,
    isAlone: true,
    prepare: async (world) => {
      await world.stop('server');
      await world.loseData();
    },
  },
  { of: /^paceline agent register/, prepare: forgetAgent },
  { of: /^paceline agent run/, stays: { as: 'agent', until: /The agent takes jobs/ } },
  { of: /^scripts\/paceline up/, isAlone: true, stays: { as: 'up', until: /Side by side: success in / } },
  { of: /^scripts\/paceline (?:run|lint)/, isAlone: true },
  {
    of: /^paceline submit --repository acme\/widgets/,
    prepare: async (world) => {
      expect(await world.run('paceline repositories set acme/widgets --clone-url REPOSITORY')).toMatchObject({
        code: 0,
      });
    },
  },
  { of: /^paceline submit/, prepare: ensureAgent },
  // What the machine lacks is a finding, not a fault of the command.
  { of: /^paceline doctor/, codes: [0, 1] },
  { of: /^paceline completion/, isAlone: true, prepare: (world) => world.run(MAKE_FOLDERS) },
];

const MAKE_FOLDERS = 'mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc ~/.config/fish/completions';
/** Of runs that the documents speak of: one that has failed, for what watches, else one that waits for everything. */
const OF_A_RUN = /^(paceline runs \S+) 12\b/;
const WATCHES = /^paceline runs (?:watch|logs|rerun) /;

async function ensureServer(world: DocumentWorld): Promise<void> {
  if (!world.isStanding('server')) await world.stand('server', 'paceline server', /listens at/);
}

async function ensureAgent(world: DocumentWorld): Promise<void> {
  if (world.isStanding('agent')) return;
  const registering = `paceline tokens create agent --kind registration > own.token &&
    paceline agent register --server ${world.url} --token-file own.token --replace`;
  expect(await world.run(registering)).toMatchObject({ code: 0 });
  await world.stand('agent', 'paceline agent run', /The agent takes jobs/);
}

async function forgetAgent(world: DocumentWorld): Promise<void> {
  await world.stop('agent');
  await world.run('paceline agent remove --force');
}

/** The number of a new run. */
async function newRun(world: DocumentWorld, file: string): Promise<string> {
  const { code, output } = await world.run(`paceline submit ${file} --no-repository --json`);
  expect({ code, output }).toMatchObject({ code: 0 });
  const id = /"id": (\d+)/.exec(output)?.[1];
  if (id === undefined) throw new Error(output);
  return id;
}

/** The command for a run that is as it needs it, with the exit codes that are right. */
async function ofARun(world: DocumentWorld, command: string): Promise<{ line: string; codes: readonly number[] }> {
  if (WATCHES.test(command)) {
    await ensureAgent(world);
    const run = await newRun(world, 'fails-once.yml');
    await world.run(`paceline runs watch ${run} --quiet`);
    return { line: command.replace(OF_A_RUN, `$1 ${run}`), codes: command.includes(' watch ') ? [1] : [0] };
  }
  // What is complete, or has ended, takes nothing more.
  if (world.waitingRun === null || / add | --job deploy/.test(command))
    world.waitingRun = await newRun(world, 'waits.yml');
  return { line: command.replace(OF_A_RUN, `$1 ${world.waitingRun}`), codes: [0] };
}

async function runOne(world: DocumentWorld, command: string): Promise<void> {
  const way = WAYS.find(({ of }) => of.test(command));
  if (way?.isAlone !== true) await ensureServer(world);
  await way?.prepare?.(world);
  if (way?.stays) {
    await world.stand(way.stays.as, command, way.stays.until);
    return;
  }
  const { line, codes } = OF_A_RUN.test(command) ? await ofARun(world, command) : { line: command, codes: [0] };
  const { code, output } = await world.run(line);
  if (!(way?.codes ?? codes).includes(code ?? -1)) throw new Error(`\`${command}\` ended with ${code}: ${output}`);
}

const isRun = (command: string): boolean => !NOT_RUN.some(({ begins }) => begins.test(command));
const pages = documents
  .map((document) => [document, documentCommands(document)] as const)
  .filter(([, commands]) => commands.some(isRun));

describe('the commands of a page, one after the other', () => {
  it.each(pages)(
    '%s',
    async (_document, commands) => {
      const world = await DocumentWorld.open();
      try {
        for (const command of commands.filter(isRun)) await runOne(world, command);
        expect(await world.end()).toEqual([]);
      } finally {
        await world.close();
      }
    },
    PAGE_LIMIT_MS,
  );

  it('are all that is shown: what is not run is still there to be explained', () => {
    const shown = documents.flatMap(documentCommands);
    expect(pages.map(([document]) => document)).toEqual(
      expect.arrayContaining(['README.md', 'docs/commands.md', 'docs/operate.md']),
    );
    for (const { begins, why } of NOT_RUN) {
      expect([why, shown.some((command) => begins.test(command))]).toEqual([why, true]);
    }
  });
});
