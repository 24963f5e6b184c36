import { gitEnvironment, withoutCredentials } from '../../kernel/git-environment.ts';

/** For one call of git. */
const GIT_TIMEOUT_MS = 5 * 60 * 1000;
/** What git may say at most: a larger file is no workflow. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** Others, such as `ext`, run commands. */
const PROTOCOLS = 'file:git:http:https:ssh';

/** Git's sentence about what went wrong, without credentials. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
}

export interface GitClient {
  /** What git prints. Rejects with a {@link GitFailure}, or with the signal's reason. */
  run(args: readonly string[], signal: AbortSignal): Promise<Buffer>;
}

/** Git that never asks, and shows the token to `url` alone: in its environment, which nobody else can read. */
export function gitClient(
  environment: Readonly<Record<string, string>>,
  { url, token }: { readonly url: string; readonly token: string | null },
): GitClient {
  const env = {
    ...gitEnvironment(environment, url.replace(/\/+$/, ''), token),
    GIT_ALLOW_PROTOCOL: PROTOCOLS,
    // A question of ssh would wait for ever.
    GIT_SSH_COMMAND: environment.GIT_SSH_COMMAND ?? 'ssh -o BatchMode=yes',
    LC_ALL: 'C',
  };
  return {
    async run(args, signal) {
      const { execa } = await import('execa');
      const result = await execa('git', args, {
        env,
        extendEnv: false,
        reject: false,
        stdin: 'ignore',
        encoding: 'buffer',
        stripFinalNewline: false,
        maxBuffer: MAX_OUTPUT_BYTES,
        timeout: GIT_TIMEOUT_MS,
        cancelSignal: signal,
      });
      if (!result.failed) return Buffer.from(result.stdout);
      signal.throwIfAborted();
      if (result.timedOut) throw new GitFailure('it took too long');
      if (result.isMaxBuffer) throw new GitFailure('it said too much');
      throw new GitFailure(reasonIn(Buffer.from(result.stderr).toString()) ?? 'it gave no reason');
    },
  };
}

/** Git's reason comes last, behind hints and warnings. */
function reasonIn(stderr: string): string | undefined {
  const lines = withoutCredentials(stderr)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.findLast((line) => line.startsWith('fatal:')) ?? lines.at(-1);
}
