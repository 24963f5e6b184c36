import { describe, expect, it } from '@jest/globals';
import { soak } from './soak.ts';

const SECONDS = 25;
/** What is under way when the time is over comes to its end. */
const LIMIT_MS = 150_000;

describe('a server and agents that are killed at random', () => {
  it(
    'lose no result, start no job twice, keep every log, and leave no process',
    async () => {
      const told: string[] = [];
      const result = await soak({
        ...{ seed: 20_260_901, seconds: SECONDS, agents: 2, slots: 2, runs: 3, faultEveryMs: 4_000 },
        say: (line) => told.push(line),
      });
      expect({ violations: result.violations, told }).toEqual({ violations: [], told });
      expect(result.runs).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
