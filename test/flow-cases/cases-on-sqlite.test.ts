import { describe } from '@jest/globals';
import { ALL_CASES, ALL_CRASHES, casesPass, PLAINLY, TWICE } from './cases-pass.ts';

describe('flow cases on SQLite', () => {
  casesPass('sqlite', [
    ['all pass', ALL_CASES, PLAINLY],
    ['all pass with everything delivered twice', ALL_CASES, TWICE],
    ['all pass with a crash after every commit', ALL_CASES, ALL_CRASHES],
  ]);
});
