import { z } from 'zod';

/** What a runner signs, with a nonce behind it, to ask whether it is known. Its signature is good for nothing else. */
export const RUNNER_CHECK_PREFIX = 'paceline-runner-check\n';

export const runnerCheckRequestSchema = z.strictObject({
  runner: z.string().max(200),
  nonce: z.string().max(200),
  /** Over {@link RUNNER_CHECK_PREFIX} and the nonce, by the runner's Ed25519 key; base64. */
  signature: z.string().max(200),
});

/** `live`: an agent of it has a session. */
export const runnerCheckReplySchema = z.object({ name: z.string(), paused: z.boolean(), live: z.boolean() });

export type RunnerCheckRequest = z.infer<typeof runnerCheckRequestSchema>;
export type RunnerCheckReply = z.infer<typeof runnerCheckReplySchema>;
