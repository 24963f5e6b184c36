import { spawn } from 'node:child_process';
import { CLI } from '../support/run-workflow.ts';
import { FakeScreen } from '../local/fake-screen.ts';
import type { CommandLine } from './command-line.ts';

/** `paceline` on a real terminal (a pseudo terminal of `script`, util-linux), typed at by the test. */
export class Terminal {
  readonly screen = new FakeScreen();
  readonly exited: Promise<number | null>;
  output = '';
  readonly #watchers = new Set<() => void>();
  readonly #type: (text: string) => void;

  constructor(
    line: CommandLine,
    args: readonly string[],
    size: { readonly columns: number; readonly rows: number },
    environment: Readonly<Record<string, string>> = {},
  ) {
    const words = [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(' ');
    const command = `stty cols ${String(size.columns)} rows ${String(size.rows)}; exec ${words}`;
    const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
      cwd: line.workspace,
      env: { ...line.environment, TERM: 'xterm-256color', SHELL: '/bin/sh', ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#type = (text) => child.stdin.write(text);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      for (const watcher of [...this.#watchers]) watcher();
    });
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        child.stdin.end();
        this.screen.write(this.output);
        for (const watcher of [...this.#watchers]) watcher();
        resolve(code);
      });
    });
  }

  /** Resolves when the text has been sent to the terminal. */
  async sent(text: string): Promise<void> {
    let ended = false;
    void this.exited.then(() => (ended = true));
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (this.output.includes(text)) resolve();
        else if (ended) reject(new Error(`ended without '${text}':\n${this.output}`));
        else return;
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      void this.exited.then(look);
      look();
    });
  }

  interrupt(): void {
    this.#type('\u0003');
  }
}
