import type { ServerSettings } from '../../src/server/operation.ts';

/** What the server goes by in tests that nothing else is said in. */
export const TEST_SETTINGS: ServerSettings = {
  leaseMs: 60_000,
  offerMs: 30_000,
  lostAfterMs: 600_000,
  maxAttempts: 3,
  maxJobs: 10_000,
  isolateUntrusted: true,
  sessionTokenMs: 3_600_000,
  publicUrl: 'http://paceline.test',
  baseUrl: 'https://github.test',
};
