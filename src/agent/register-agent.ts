import type { ApiError } from '../protocol/api-error.ts';
import type { Failpoint } from '../kernel/failpoint.ts';
import { AgentProblem } from './agent-problem.ts';
import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import { openHttpApi } from './http-api.ts';
import { forgetNewKeys, keysToRegister, readIdentity, writeIdentity } from './identity.ts';
import { runnerLabels } from './runner-labels.ts';
import { lockState } from './state-lock.ts';

export { AgentProblem };

export interface RegisterAgentOptions {
  readonly server: string;
  readonly token: string;
  readonly name: string;
  /** Beyond self-hosted, operating system and architecture. */
  readonly labels: readonly string[];
  /** Without self-hosted, operating system and architecture. Default: with them. */
  readonly withoutDefaultLabels?: boolean;
  readonly ephemeral: boolean;
  /** Take the name over from a runner without a live session. */
  readonly replace: boolean;
  readonly stateDirectory: string;
  readonly network: NetworkSettings;
  /** What else has to be there first; nobody else registers in the folder meanwhile. */
  readonly prepare?: () => Promise<void>;
  /** The command that makes another token; default: that of registration tokens. */
  readonly newToken?: string;
  /** Where a test ends the process. */
  readonly failpoint?: Failpoint | null;
}

/**
 * Makes keys, tells the server the public ones, and writes the credentials. Called again after it was interrupted, it
 * goes on with the same keys, by which the server knows the runner. Rejects with an {@link AgentProblem}.
 */
export async function registerAgent(
  options: RegisterAgentOptions,
): Promise<{ readonly runner: string; readonly name: string }> {
  const {
    server,
    token,
    name,
    labels,
    withoutDefaultLabels = false,
    ephemeral,
    replace,
    stateDirectory,
    network,
    prepare,
    failpoint,
    newToken = '`paceline tokens create NAME --kind registration`',
  } = options;
  const isNew = (await readIdentity(stateDirectory)) === null;
  const unlock = await lockState(stateDirectory, isNew ? 'registration' : 'agent');
  try {
    const before = await readIdentity(stateDirectory);
    if (before !== null && !replace)
      throw new AgentProblem(
        'usage',
        `The runner ${before.name} of ${before.server} is registered in ${stateDirectory} already. Remove it first, or replace it with --replace.`,
      );
    await prepare?.();
    const { keys: made, isFirst } = await keysToRegister(stateDirectory);
    const { publicKey, sealKey, ...keys } = made;
    failpoint?.('install-after-keys');
    const api = await openHttpApi(server, network, 'register');
    try {
      const all = withoutDefaultLabels ? [...labels] : runnerLabels(process.platform, process.arch, labels);
      const reply = await api.register(token, { name, labels: all, publicKey, sealKey, ephemeral, replace });
      if (!reply.ok) {
        // Keys of an earlier call may be those that the server knows.
        if (isFirst && REFUSALS.has(reply.error.code)) await forgetNewKeys(stateDirectory);
        throw problemOf(server, reply.error, newToken);
      }
      failpoint?.('install-after-register');
      const { runner, name: given } = reply.value;
      await writeIdentity(stateDirectory, {
        server,
        runner,
        name: given,
        labels,
        withoutDefaultLabels,
        ephemeral,
        ...keys,
      });
      return { runner, name: given };
    } finally {
      await api.close();
    }
  } finally {
    unlock();
  }
}

/** By which the server has said that it did not take the keys. */
const REFUSALS: ReadonlySet<string> = new Set(['unauthorized', 'invalid', 'conflict'] satisfies ApiError['code'][]);

function problemOf(server: string, { code, reason, message }: ApiError, newToken: string): AgentProblem {
  if (reason === 'name-taken')
    return new AgentProblem('usage', message.replace(/or replace it$/, 'or take it over by --replace'));
  const way = code === 'unauthorized' ? `; ${newToken} makes another` : '';
  const kind = code === 'unauthorized' ? 'refused' : 'unreachable';
  return new AgentProblem(kind, `${server} did not register the runner: ${message.replace(/\.$/, '')}${way}.`);
}
