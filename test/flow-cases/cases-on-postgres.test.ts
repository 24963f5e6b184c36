import { describePostgres } from '../support/postgres.ts';
import { ALL_CASES, ALL_CRASHES, casesPass, FIRST_CASES, PLAINLY, TWICE } from './cases-pass.ts';

describePostgres('flow cases on PostgreSQL', () => {
  casesPass('postgres', [
    ['all pass', ALL_CASES, PLAINLY],
    // New connections after every commit take their time.
    ['pass with everything delivered twice', FIRST_CASES, TWICE],
    ['pass with a crash after every commit', FIRST_CASES, ALL_CRASHES],
  ]);
});
