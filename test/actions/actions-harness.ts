/** A store with folders of its own, and the two kinds of servers that actions are fetched from. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createActionStore, type ActionStore, type ActionStoreOptions } from '../../src/actions/action-store.ts';
import type { LoadedAction } from '../../src/actions/loaded-action.ts';
import { FakeClock } from '../support/fake-clock.ts';

export interface Place {
  readonly root: string;
  readonly workspace: string;
  readonly cacheDirectory: string;
  readonly clock: WatchedClock;
  store(options?: Partial<ActionStoreOptions>): ActionStore;
  remove(): Promise<void>;
}

/** Tells when somebody waits for it. */
class WatchedClock extends FakeClock {
  readonly #watchers: (() => void)[] = [];

  override after(ms: number, callback: () => void): () => void {
    const cancel = super.after(ms, callback);
    for (const watcher of this.#watchers.splice(0)) watcher();
    return cancel;
  }

  armed(): Promise<void> {
    return this.pendingTimers > 0 ? Promise.resolve() : new Promise((resolve) => this.#watchers.push(resolve));
  }
}

export async function openPlace(): Promise<Place> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'paceline-actions-')));
  const workspace = join(root, 'workspace');
  const cacheDirectory = join(root, 'cache');
  const clock = new WatchedClock();
  await mkdir(workspace);
  return {
    ...{ root, workspace, cacheDirectory, clock },
    store: (options) =>
      createActionStore({
        ...{
          roots: [],
          cacheDirectory,
          offline: false,
          baseUrl: 'http://127.0.0.1:9',
          token: null,
          caFile: null,
          clock,
        },
        environment: { PATH: process.env.PATH ?? '', HOME: root },
        ...options,
      }),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** The action, or an error with the problem's message. */
export async function load(
  store: ActionStore,
  uses: string,
  workspace = '/nowhere',
  signal = new AbortController().signal,
): Promise<LoadedAction> {
  const result = await store.load(uses, workspace, signal);
  if (result.kind === 'problem') throw new Error(result.message);
  return result.action;
}

export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
}

export const SAYS = (what: string): string => `name: ${what}\nruns: { using: node20, main: main.js }\n`;

/** A git repository; each call of `commit` writes, commits, and returns the commit's id. */
export class Repository {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  async commit(files: Readonly<Record<string, string>>): Promise<string> {
    await mkdir(this.directory, { recursive: true });
    await writeFiles(this.directory, files);
    if (!existsSync(join(this.directory, '.git'))) this.git('init', '--quiet', '--initial-branch=main');
    this.git('add', '--all');
    this.git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '--quiet', '--message=x');
    return this.git('rev-parse', 'HEAD');
  }

  git(...args: string[]): string {
    const env = { PATH: process.env.PATH ?? '', HOME: this.directory, GIT_CONFIG_NOSYSTEM: '1' };
    return execFileSync('git', args, { cwd: this.directory, env, encoding: 'utf8' }).trim();
  }
}

/** A gzipped tar file of these files, below one folder. */
export async function tarball(place: Place, top: string, files: Readonly<Record<string, string>>): Promise<Buffer> {
  const source = await mkdtemp(join(place.root, 'tar-'));
  await writeFiles(join(source, top), files);
  return execFileSync('tar', ['-czf', '-', '-C', source, top]);
}

export interface HttpServer {
  readonly server: Server;
  readonly url: string;
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<HttpServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    ...{ requests, server },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
