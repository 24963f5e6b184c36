import { createHash } from 'node:crypto';
import type { Store } from '../store.ts';
import { failure, unwrap } from './api-failure.ts';
import { REQUEST_ID } from './respond.ts';

const KEY_FORM = /^[\x21-\x7e]{1,200}$/;

/**
 * Answers once: a request that comes again with the same key, from the same asker, gets the first one's answer. What
 * failed on the server's side may be tried again.
 */
export async function answerOnce(
  store: Store,
  request: {
    readonly key: string;
    readonly requestId: string;
    readonly actor: string;
    readonly method: string;
    readonly path: string;
    readonly body: Buffer;
  },
  answer: () => Promise<Response>,
): Promise<Response> {
  const { key, actor } = request;
  if (!KEY_FORM.test(key))
    throw failure('invalid', null, 'an Idempotency-Key has 1 to 200 printable characters without spaces');
  const hash = createHash('sha256').update(`${request.method} ${request.path}\n`).update(request.body).digest('hex');
  const kept = unwrap(await store.execute('claim-idempotency-key', { key, actor, request: hash }));
  if (kept !== null)
    return new Response(kept.body === '' ? null : kept.body, {
      status: kept.status,
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        'Idempotent-Replay': 'true',
        [REQUEST_ID]: request.requestId,
      },
    });
  const settle = async (kept: { status: number; body: string } | null): Promise<void> => {
    await store.execute('settle-idempotency-key', { key, actor, request: hash, answer: kept });
  };
  try {
    const response = await answer();
    await settle({ status: response.status, body: await response.clone().text() });
    return response;
  } catch (error) {
    await settle(null);
    throw error;
  }
}
