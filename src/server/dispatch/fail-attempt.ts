import type { OperationContext } from '../operation.ts';
import { findOwn } from './accept-attempt.ts';
import { endAttempt } from './end-attempt.ts';

/** Ends an attempt that was accepted and whose message the server cannot make: no other runner would get one either. */
export async function failAttempt(
  context: OperationContext,
  request: { readonly session: string; readonly attempt: string; readonly fence: number; readonly message: string },
): Promise<null> {
  const attempt = await findOwn(context, request);
  if (attempt.state !== 'accepted') return null;
  await endAttempt(context, attempt, {
    conclusion: 'failure',
    reason: 'internal-error',
    message: request.message,
    lost: null,
  });
  return null;
}
