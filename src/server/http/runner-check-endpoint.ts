import { verify } from 'node:crypto';
import {
  RUNNER_CHECK_PREFIX,
  type RunnerCheckRequest,
  runnerCheckReplySchema,
  runnerCheckRequestSchema,
} from '../../protocol/runner-check.ts';
import { STALE_NONCE } from '../dispatch/use-nonce.ts';
import type { Nonces } from '../secrets/nonces.ts';
import type { Store } from '../store.ts';
import { unwrap } from './api-failure.ts';
import { endpoint, type Endpoint } from './endpoint.ts';
import { SMALL_BODY_BYTES } from './read-body.ts';

/** For a runner that wants to know whether it is still known, without a session that would end its agent's. */
export function runnerCheckEndpoint(store: Store, nonces: Nonces): Endpoint {
  return endpoint({
    method: 'post',
    path: '/v1/runner-checks',
    summary: 'Tells a runner how it stands; signed, without a session.',
    access: { kind: 'open' },
    body: { kind: 'json', schema: runnerCheckRequestSchema, maxBytes: SMALL_BODY_BYTES },
    reply: { kind: 'json', schema: runnerCheckReplySchema, status: 200 },
    errors: [401],
    handle: async ({ body }) => {
      const { runner, nonce } = body;
      if (!nonces.isFresh(nonce)) return unwrap({ ok: false, error: STALE_NONCE });
      const known = unwrap(await store.execute('find-runner-key', { runner }));
      if (known === null || !isSigned(body, known.publicKey)) return unwrap(NOT_KNOWN);
      return unwrap(await store.execute('check-runner', { runner, nonce }));
    },
  });
}

/** The same for a runner that is gone and a key that is another: nobody learns which runners there are. */
const NOT_KNOWN = {
  ok: false,
  error: {
    code: 'unauthorized',
    reason: 'token-unknown',
    message: 'the server does not know this runner with this key; register it',
    detail: null,
  },
} as const;

function isSigned({ nonce, signature }: RunnerCheckRequest, publicKey: string): boolean {
  const key = { key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' } as const;
  return verify(null, Buffer.from(RUNNER_CHECK_PREFIX + nonce), key, Buffer.from(signature, 'base64'));
}
