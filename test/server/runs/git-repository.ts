/** A real git repository with commits that a test makes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { git } from '../../local/git-folder.ts';

export class GitRepository {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(branch = 'main'): Promise<GitRepository> {
    const repository = new GitRepository(await mkdtemp(join(tmpdir(), 'paceline-git-')));
    repository.git('init', '--quiet', `--initial-branch=${branch}`);
    return repository;
  }

  get url(): string {
    return `file://${this.folder}`;
  }

  git(...args: readonly string[]): string {
    return git(this.folder, ...args);
  }

  /** @returns the commit. */
  async commit(files: Readonly<Record<string, string>>): Promise<string> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.folder, name)), { recursive: true });
      await writeFile(join(this.folder, name), text);
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '--message=change');
    return this.git('rev-parse', 'HEAD');
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
