import { findCommand } from '../process/find-command.ts';
import type { Check, Finding } from './check.ts';
import { commandOutput } from './command-output.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { note, ok, wrong } from './findings.ts';

/** As in package.json. */
const OLDEST_NODE = [20, 19] as const;
/** The first that can fetch one commit alone. */
const OLDEST_GIT = [2, 18] as const;

/** What jobs are run with. */
export function toolChecks(subject: DoctorSubject): Check[] {
  return [
    { id: 'node', title: 'Node.js', run: () => Promise.resolve(lookAtNode(subject.nodeVersion)) },
    { id: 'git', title: 'git', run: (signal) => lookAtGit(subject, signal) },
    { id: 'shells', title: 'Shells', run: (signal) => lookAtShells(subject, signal) },
    { id: 'containers', title: 'Container engine', run: (signal) => lookAtContainers(subject, signal) },
  ];
}

function lookAtNode(version: string): Finding {
  if (isAtLeast(version, OLDEST_NODE)) return ok(`Node.js ${version.replace(/^v/, '')}.`);
  return wrong(
    `Node.js ${version.replace(/^v/, '')} is older than ${OLDEST_NODE.join('.')}.`,
    'Install a newer one, or take a package that has its own.',
  );
}

async function lookAtGit({ environment }: DoctorSubject, signal: AbortSignal): Promise<Finding> {
  const git = await find('git', environment);
  if (git === null) return wrong('There is no git on the PATH.', 'Install git: actions/checkout and actions need it.');
  const version = await commandOutput(git, ['--version'], environment, signal);
  if (version === null) return wrong(`${git} does not start.`, 'Run `git --version` and see why.');
  const [number = ''] = /\d+\.\d+(?:\.\d+)?/.exec(version) ?? [];
  if (!isAtLeast(number, OLDEST_GIT))
    return note(`git ${number} (${git}) is old.`, `Install ${OLDEST_GIT.join('.')} or newer; it fetches less.`);
  return ok(`git ${number} (${git}).`);
}

async function lookAtShells({ environment }: DoctorSubject, signal: AbortSignal): Promise<Finding> {
  const [sh, bash, pwsh] = await Promise.all(['sh', 'bash', 'pwsh'].map((name) => find(name, environment)));
  if (!sh && !bash) return wrong('There is neither bash nor sh on the PATH.', 'Install bash: steps run in it.');
  if (!bash)
    return note('sh, no bash.', 'Install bash: steps that say `shell: bash` fail, and others run in sh without it.');
  const version = await commandOutput(bash, ['-c', 'echo "$BASH_VERSION"'], environment, signal);
  if (version === null) return wrong(`${bash} does not start.`, 'Run `bash -c true` and see why.');
  const others = [sh ? 'sh' : 'no sh', pwsh ? 'pwsh' : 'no pwsh (only steps with `shell: pwsh` need it)'];
  return ok(`bash ${version.replace(/\(.*/, '')}, ${others.join(', ')}.`);
}

const ENGINES = [
  { name: 'docker', args: ['version', '--format', '{{.Server.Version}}'] },
  { name: 'podman', args: ['version', '--format', '{{.Client.Version}}'] },
];

async function lookAtContainers({ environment }: DoctorSubject, signal: AbortSignal): Promise<Finding> {
  const mute: string[] = [];
  for (const { name, args } of ENGINES) {
    const command = await find(name, environment);
    if (command === null) continue;
    const version = await commandOutput(command, args, environment, signal);
    if (version !== null && version !== '') return ok(`${name} ${version}.`);
    mute.push(name);
  }
  if (mute.length > 0)
    return note(
      `${mute.join(' and ')} is there, and its engine does not answer.`,
      'Start it, and let this account use it, if jobs need containers.',
    );
  return note('There is none.', 'Install Docker or Podman if steps of your jobs call it.');
}

function find(name: string, environment: DoctorSubject['environment']): Promise<string | null> {
  return findCommand(name, environment.PATH ?? '', '/');
}

/** By its first two numbers. */
function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, ownMajor = '0', ownMinor = '0'] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(ownMajor) > major || (Number(ownMajor) === major && Number(ownMinor) >= minor);
}
