import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunView, SubmitReply } from '../../src/protocol/run-api.ts';
import type { DockerEngine, Outcome } from '../support/docker-engine.ts';

/** The first check comes soon. Each starts a Node.js, so few containers have it. */
export const QUICK_HEALTH = ['--health-interval', '2s'];

/** Containers of a server and of runners, and what people ask of them: all by the command line in the server's. */
export class ContainerPlane {
  readonly engine: DockerEngine;
  readonly server: string;

  /** `server`: name of its container. */
  constructor(engine: DockerEngine, server: string) {
    this.engine = engine;
    this.server = server;
  }

  /** `paceline …` in the server's container; rejects where it does not succeed. */
  paceline(...words: readonly string[]): Promise<string> {
    return this.engine.docker('exec', this.server, 'paceline', ...words);
  }

  /** A file with a new token, to mount as a secret. */
  async registrationToken(uses: number): Promise<string> {
    const token = await this.paceline(
      ...['tokens', 'create', 'runners', '--kind', 'registration', '--expires', '1h', '--uses', String(uses)],
    );
    const file = join(this.engine.folder, `token-${token.slice(-8)}`);
    // As the secret of a compose file: a mount keeps the mode, and the user in the container is another.
    await writeFile(file, token, { mode: 0o644 });
    return file;
  }

  async submit(workflow: string): Promise<number> {
    const script = 'cat >/tmp/workflow.yml && exec paceline submit /tmp/workflow.yml --no-repository --json';
    const { code, stdout, stderr } = await this.engine.attempt(
      ['exec', '-i', this.server, 'sh', '-c', script],
      workflow,
    );
    if (code !== 0) throw new Error(`submit: ${stderr}${stdout}`);
    const [run] = (JSON.parse(stdout) as SubmitReply).runs;
    return run!.id;
  }

  /** How it ended, when it has. */
  async completed(run: number): Promise<RunView> {
    await this.engine.attempt(['exec', this.server, 'paceline', 'runs', 'watch', String(run), '--quiet']);
    const view = await this.show(run);
    if (view.state !== 'completed') throw new Error(`run ${run} is ${view.state}`);
    return view;
  }

  async show(run: number): Promise<RunView> {
    return JSON.parse(await this.paceline('runs', 'show', String(run), '--json')) as RunView;
  }

  /** With its exit code, when it has stopped by itself or by being asked to. */
  async stop(container: string, seconds: number): Promise<number> {
    await this.engine.docker('stop', '-t', String(seconds), container);
    return Number(await this.engine.docker('inspect', '--format', '{{.State.ExitCode}}', container));
  }
}

/** A place in a script of a job where it waits for the test. */
export class ContainerGate {
  readonly #engine: DockerEngine;
  readonly #container: string;
  readonly #name: string;

  private constructor(engine: DockerEngine, container: string, name: string) {
    this.#engine = engine;
    this.#container = container;
    this.#name = name;
  }

  static async open(engine: DockerEngine, container: string, name: string): Promise<ContainerGate> {
    await engine.docker('exec', container, 'mkfifo', `/tmp/${name}.at`, `/tmp/${name}.go`);
    return new ContainerGate(engine, container, name);
  }

  get script(): string {
    return gateScript(this.#name);
  }

  async reached(): Promise<void> {
    await this.#engine.docker('exec', this.#container, 'cat', `/tmp/${this.#name}.at`);
  }

  /** Opened once, it is not there any more. */
  pass(): Promise<Outcome> {
    return this.#engine.attempt(['exec', this.#container, 'sh', '-c', `echo >/tmp/${this.#name}.go; ${this.#removal}`]);
  }

  remove(): Promise<Outcome> {
    return this.#engine.attempt(['exec', this.#container, 'sh', '-c', this.#removal]);
  }

  get #removal(): string {
    return `rm /tmp/${this.#name}.at /tmp/${this.#name}.go`;
  }
}

/** Of the gate with the name, in whichever container it runs; one without goes on. */
export function gateScript(name: string): string {
  return `[ ! -p /tmp/${name}.at ] || { echo >/tmp/${name}.at; read -r _ </tmp/${name}.go; }`;
}
