import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openDiagnosticLog } from '../../src/kernel/diagnostic-log.ts';
import { fg } from '../support/fake-job.ts';
import { removeJobFolders, runPlan } from './job-harness.ts';

afterAll(removeJobFolders);

describe('the outputs of a job', () => {
  it('are evaluated when its steps have ended; empty ones are left out', async () => {
    const job = await runPlan([fg('a', 'echo x=1 >> "$GITHUB_OUTPUT"; echo E=env >> "$GITHUB_ENV"')], {
      job: {
        outputs: {
          x: '${{ steps.a.outputs.x }}',
          status: '${{ steps.a.outcome }} of a ${{ job.status }}',
          env: '${{ env.E }}',
          none: '${{ steps.a.outputs.none }}',
        },
      },
    });
    expect(job.report.outputs).toEqual({ x: '1', status: 'success of a success', env: 'env' });
  });

  it('are there after a failure too', async () => {
    const job = await runPlan([fg('a', 'echo x=1 >> "$GITHUB_OUTPUT"; false')], {
      job: { outputs: { x: '${{ steps.a.outputs.x }}' } },
    });
    expect(job.report).toMatchObject({ conclusion: 'failure', outputs: { x: '1' } });
  });

  it('that hold a secret are left out, with a warning', async () => {
    const job = await runPlan([fg('a', 'echo "::add-mask::later-1"; echo x=later-1 >> "$GITHUB_OUTPUT"')], {
      job: { outputs: { a: 'is ${{ secrets.S }}', b: '${{ steps.a.outputs.x }}', c: 'plain' } },
      contexts: { secrets: { S: 'hunter22' } },
    });
    expect(job.report).toMatchObject({ conclusion: 'success', outputs: { c: 'plain' } });
    expect(job.said('Complete job')).toEqual([
      "The output 'a' is left out, because it may hold a secret.",
      "The output 'b' is left out, because it may hold a secret.",
    ]);
  });

  it('that cannot be evaluated fail the job; the others are there', async () => {
    const job = await runPlan([fg('a', 'true')], { job: { outputs: { bad: '${{ fromJSON("{") }}', good: 'x' } } });
    expect(job.report).toMatchObject({ conclusion: 'failure', reason: 'condition-error', outputs: { good: 'x' } });
    expect(job.said('Complete job')[0]).toContain("The output 'bad' of the job could not be had.");
    expect(job.step('Complete job')).toMatchObject({ conclusion: 'failure', reason: 'condition-error' });
  });

  it('are one mebibyte at most', async () => {
    const job = await runPlan([], {
      contexts: { vars: { half: 'x'.repeat(600_000) } },
      job: { outputs: { a: '${{ vars.half }}', b: '${{ vars.half }}', c: 'small' } },
    });
    expect(Object.keys(job.report.outputs)).toEqual(['a', 'c']);
    expect(job.said('Complete job')[0]).toContain("more than 1048576 bytes with 'b'");
    expect(job.report.conclusion).toBe('failure');
  });
});

describe('a log that cannot be written', () => {
  const full = new Error('ENOSPC: no space left on device, write');

  it('is cut with one warning; the step and the job go on', async () => {
    const lines: string[] = [];
    const job = await runPlan([fg('a', 'echo one; sleep 0.1; echo two; sleep 0.1; echo three'), fg('b', 'true')], {
      host: {
        openLog: (number) => (block) => {
          if (block.includes('one')) throw full;
          lines.push(`${number} ${block.toString()}`);
        },
      },
    });
    expect(job.report.conclusion).toBe('success');
    expect(job.step('a').annotations).toMatchObject([
      {
        level: 'warning',
        message: `The log of this step was cut, because it could not be written: ${full.message}`,
      },
    ]);
    expect(job.step('b').annotations).toEqual([]);
    expect(lines.join('')).not.toContain('three');
  });

  it('from the beginning is none', async () => {
    const job = await runPlan([fg('a', 'echo one'), fg('b', 'exit 3')], {
      host: {
        openLog: () => {
          throw full;
        },
      },
    });
    expect(job.report.conclusion).toBe('failure');
    expect(job.step('b').exitCode).toBe(3);
    for (const step of job.report.steps)
      expect(step.annotations.filter(({ level }) => level === 'warning')).toHaveLength(1);
  });
});

describe('lines of logs as events', () => {
  it('come in order, whole, before the end of their step', async () => {
    const job = await runPlan([fg('a', 'seq 5000'), fg('b', 'printf unterminated')], { host: { logEvents: true } });
    const lines = job.events.flatMap((event) => (event.type === 'log' && event.step === 2 ? event.lines : []));
    expect(lines.slice(-5000)).toEqual(Array.from({ length: 5000 }, (_, index) => String(index + 1)));
    expect(lines.join('\n')).toBe(job.log('a').trimEnd());
    for (const number of [2, 3]) {
      const ended = job.events.findIndex(
        (event) => event.type === 'step' && event.step.number === number && event.state === 'completed',
      );
      const last = job.events.findLastIndex((event) => event.type === 'log' && event.step === number);
      expect(last).toBeGreaterThan(0);
      expect(last).toBeLessThan(ended);
    }
    expect(job.events.filter(({ type }) => type === 'log').length).toBeLessThan(40);
  });

  it('are none for a host that does not want them', async () => {
    const job = await runPlan([fg('a', 'echo x')]);
    expect(job.events.filter(({ type }) => type === 'log')).toEqual([]);
  });
});

describe('the diagnostic log', () => {
  it('has the ids of the job and its steps, and no secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paceline-diagnostic-'));
    const file = join(folder, 'log');
    const log = await openDiagnosticLog({ level: 'debug', file });
    const job = await runPlan([fg('a', 'true')], {
      contexts: { secrets: { S: 'hunter22' } },
      host: {
        log,
        openLog: () => {
          throw new Error('no room for hunter22');
        },
      },
    });
    await log.close();
    const text = await readFile(file, 'utf8');
    await rm(folder, { recursive: true });
    expect(job.report.conclusion).toBe('success');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of lines)
      expect(line).toMatchObject({ job: 'build', jobId: expect.stringMatching(/^[0-9a-f]{8}$/) });
    expect(lines[0]).toMatchObject({ level: 'info', message: 'job started' });
    expect(lines).toContainEqual(expect.objectContaining({ level: 'debug', message: 'step running', step: 2 }));
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', error: 'no room for ***', step: 2 }));
    expect(lines.at(-1)).toMatchObject({ message: 'job completed', conclusion: 'success' });
    expect(text).not.toContain('hunter22');
  });
});
