import type { UnsealedMessage } from '../../protocol/agent-api.ts';
import type { SecretsLayer } from '../../flow/resolve-secrets.ts';
import type { JsonMap } from '../../protocol/job-message.ts';
import type { OperationContext } from '../operation.ts';

/** All of a job but its secrets, and what they are made of. */
export interface ComposedMessage {
  readonly message: UnsealedMessage;
  /** Of the server and of the run's repository, which comes later and wins. */
  readonly secrets: readonly {
    readonly scope: string;
    readonly name: string;
    readonly version: number;
    readonly ciphertext: string;
  }[];
  /** How the job's come from those of the run: see `jobSecrets`. */
  readonly layers: readonly SecretsLayer[];
  readonly shared: { readonly github: JsonMap; readonly vars: JsonMap };
}

/** What a worker is told of a job. `attempt`: which try it is, from 1. */
export function composeMessage(_context: OperationContext, _jobId: number, _attempt: number): Promise<ComposedMessage> {
  return Promise.reject(new RangeError('no such job'));
}
