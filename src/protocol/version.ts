/** Of the conversation between agent and server. A server speaks with every version from the oldest it names. */
export const PROTOCOL_VERSION = 1;
export const OLDEST_PROTOCOL_VERSION = 1;

/**
 * What a side can do, by name; each side tells its list, and what both have may be used. A job that needs a feature is
 * offered only to runners that have it.
 */
export const AGENT_FEATURES = [
  'background-steps',
  'exclusive',
  'log-batches',
  'log-offsets',
  'poll-notes',
  'sealed-secrets',
] as const;
export const SERVER_FEATURES = ['adaptive-logs', 'batch-sync', 'log-offsets', 'sealed-secrets'] as const;
/**
 * Told only to agents that have them too, so that those of before are answered as they were. `log-batches`:
 * {@link AgentApi.appendLogs}. `poll-notes`: {@link PollRequest.note}.
 */
export const SHARED_FEATURES = ['log-batches', 'poll-notes'] as const;
