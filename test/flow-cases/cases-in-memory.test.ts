import { describe } from '@jest/globals';
import { ALL_CASES, casesPass, CRASHES, PLAINLY, TWICE } from './cases-pass.ts';

describe('flow cases in memory', () => {
  casesPass('memory', [
    ['all pass', ALL_CASES, PLAINLY],
    ['all pass with everything delivered twice', ALL_CASES, TWICE],
    ['all pass with a crash after each commit', ALL_CASES, CRASHES],
  ]);
});
