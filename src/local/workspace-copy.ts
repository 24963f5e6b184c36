import { constants, cp, lstat, mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gitEnvironment } from '../kernel/git-environment.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import type { GitState } from './git-state.ts';

/** A folder for one job alone. */
export interface WorkspaceCopy {
  readonly kind: 'copied';
  readonly directory: string;
  /** Removes the copy and what git remembers of it. */
  remove(): Promise<void>;
}

export type CopyResult = WorkspaceCopy | { readonly kind: 'problem'; readonly message: string };

/** Thrown and caught in here: a step of the copying did not work. */
class CopyProblem extends Error {}

/** Nothing of the user's set-up may run or ask while a copy is made. */
const QUIET_GIT = ['-c', 'core.hooksPath=/dev/null', '-c', 'user.name=paceline', '-c', 'user.email=paceline@localhost'];

/**
 * Makes copies of a workspace: with git a linked work tree at HEAD with the uncommitted changes and the untracked files
 * (what is ignored stays behind, as in a fresh checkout), else a plain copy. One at a time: git locks its folder.
 */
export class WorkspaceCopier {
  readonly #workspace: string;
  readonly #git: GitState | null;
  readonly #environment: Readonly<Record<string, string>>;
  #last: Promise<unknown> = Promise.resolve();

  /** `environment` is what git runs with. */
  constructor(workspace: string, git: GitState | null, environment: Readonly<Record<string, string>>) {
    this.#workspace = workspace;
    this.#git = git;
    this.#environment = environment;
  }

  /** `target` does not exist yet. */
  copy(target: string): Promise<CopyResult> {
    const made = this.#last.then(() => this.#copy(target)).catch(asProblem);
    this.#last = made.catch(() => undefined);
    return made;
  }

  async #copy(target: string): Promise<WorkspaceCopy> {
    await mkdir(dirname(target), { recursive: true });
    const git = this.#git;
    if (git?.sha == null) return plainCopy(this.#workspace, target);
    const run = await gitRunner(git.root, this.#environment);
    if (!(await run(['--version'])).ok) return plainCopy(this.#workspace, target);
    const added = await run(['worktree', 'add', '--detach', '--quiet', target, 'HEAD']);
    if (!added.ok) throw new CopyProblem(`git worktree add: ${added.problem}`);
    const remove = async (): Promise<void> => {
      const forget = ['worktree', 'remove', '--force', target];
      if ((await run(forget)).ok) return;
      // It holds what git cannot remove, such as a folder without the right to write: git is told afterwards.
      await removeTree(target);
      await run(forget);
    };
    try {
      await addChanges(run, await gitRunner(target, this.#environment), git.root, target);
    } catch (error) {
      await remove();
      throw error;
    }
    return { kind: 'copied', directory: join(target, relative(git.root, this.#workspace)), remove };
  }
}

/** The uncommitted and the untracked, left uncommitted and untracked in the copy too. */
async function addChanges(inRoot: GitRunner, inTarget: GitRunner, root: string, target: string): Promise<void> {
  // Touched and yet the same, such as by a build: `stash create` fails when there is nothing else. Quiet about changes.
  await inRoot(['update-index', '-q', '--refresh']);
  const stash = (await must(inRoot, ['stash', 'create'])).trim();
  if (stash !== '') {
    await must(inTarget, ['read-tree', '-u', '--reset', stash]);
    await must(inTarget, ['reset', '--quiet']);
  }
  const untracked = await must(inRoot, ['ls-files', '--others', '--exclude-standard', '-z']);
  for (const path of untracked.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await copyTree(join(root, path), join(target, path));
  }
}

async function plainCopy(workspace: string, target: string): Promise<WorkspaceCopy> {
  await copyTree(workspace, target);
  return {
    kind: 'copied',
    directory: target,
    // The temporary folder of the run goes as a whole.
    remove: () => Promise.resolve(),
  };
}

/** Shares blocks where the file system can; links stay links. */
function copyTree(from: string, to: string): Promise<void> {
  return cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    preserveTimestamps: true,
    mode: constants.COPYFILE_FICLONE,
    // A socket or a FIFO cannot be copied, and nobody expects it to be.
    filter: async (path) => isOrdinary(path),
  });
}

async function isOrdinary(path: string): Promise<boolean> {
  const found = await lstat(path);
  return found.isFile() || found.isDirectory() || found.isSymbolicLink();
}

type GitResult = { readonly ok: true; readonly output: string } | { readonly ok: false; readonly problem: string };
type GitRunner = (args: readonly string[]) => Promise<GitResult>;

async function gitRunner(folder: string, environment: Readonly<Record<string, string>>): Promise<GitRunner> {
  const { execa } = await import('execa');
  return async (args) => {
    const result = await execa('git', [...QUIET_GIT, '-C', folder, ...args], {
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
      extendEnv: false,
      env: { ...gitEnvironment(environment, '', null), GIT_OPTIONAL_LOCKS: '0' },
    });
    if (!result.failed) return { ok: true, output: result.stdout };
    const said = result.stderr.trim().split('\n').at(-1) || (result.shortMessage ?? '');
    return { ok: false, problem: said.replace(/^fatal: /, '') };
  };
}

async function must(run: GitRunner, args: readonly string[]): Promise<string> {
  const result = await run(args);
  if (!result.ok) throw new CopyProblem(`git ${args[0] ?? ''}: ${result.problem}`);
  return result.output;
}

function asProblem(error: unknown): CopyResult {
  // The system's own words name the file: a full disk, a folder that may not be read.
  if (!(error instanceof CopyProblem) && !(error instanceof Error && 'syscall' in error)) throw error;
  return { kind: 'problem', message: `A copy of the workspace for this job cannot be made: ${error.message}.` };
}
