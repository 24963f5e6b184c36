/** Paceline runs the workflow file that checks Paceline. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Report } from '../../src/protocol/report.ts';
import { CLI } from '../support/run-workflow.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('our own CI', () => {
  it('runs green: types, lint and tests side by side, a service, a matrix', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paceline-ci-'));
    try {
      const report = join(folder, 'report.json');
      const args = [
        'run',
        '.github/workflows/ci.yml',
        '--workspace',
        root,
        '--report',
        report,
        '--var',
        'TESTS=test/kernel/pulse.test.ts',
        // The whole of it is checked before the tests are run.
        '--var',
        'PATHS=src/kernel',
      ];
      try {
        execFileSync(process.execPath, [CLI, ...args], {
          cwd: root,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(`our CI failed:\n${stdout.slice(-8_000)}\n${stderr.slice(-2_000)}`, { cause: error });
      }
      const { conclusion, jobs } = JSON.parse(await readFile(report, 'utf8')) as Report;
      expect(conclusion).toBe('success');
      expect(jobs.map(({ id }) => id)).toEqual(['check', 'examples', 'examples', 'examples', 'examples']);
      const check = jobs[0]!.steps;
      const group = check.filter((step) => step.group !== null && step.kind === 'run');
      expect(group.map(({ name }) => name)).toEqual(['Types', 'Lint', 'Format', 'Tests']);
      expect(check.find(({ id }) => id === 'server')).toMatchObject({ conclusion: 'cancelled', background: true });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 240_000);
});
