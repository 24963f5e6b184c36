import { describe, expect, it } from '@jest/globals';
import { buildReport } from '../../src/local/build-report.ts';
import { maskJobReport } from '../../src/local/mask-report.ts';
import { Masker } from '../../src/steps/masker.ts';
import {
  at,
  job,
  jobCompleted,
  jobStarted,
  modelOf,
  pending,
  running,
  runCompleted,
  started,
  step,
  stepIs,
} from './recorded-events.ts';

describe('the report of a run', () => {
  it('has the jobs in declared order, whoever ended first', () => {
    const model = modelOf(
      started('CI', { id: 'a' }, { id: 'b' }),
      jobStarted('b.2', 0, 'b'),
      jobCompleted('b.2', job('b', [], { instance: 2 })),
      jobStarted('a'),
      jobCompleted('a', job('a', [])),
      runCompleted(5_000, 'success'),
    );
    const report = buildReport(model, [], 'success');
    expect(report.jobs.map(({ id, instance }) => [id, instance])).toEqual([
      ['a', 0],
      ['b', 2],
    ]);
    expect(report).toMatchObject({
      startedAt: at(0),
      completedAt: at(5_000),
      workflow: { name: 'CI', path: 'CI.yml' },
    });
  });

  it('of a run that was cut short says what is known, and calls the rest cancelled', () => {
    const model = modelOf(
      started('CI', { id: 'a' }, { id: 'b' }),
      jobStarted('a.1', 10, 'a'),
      stepIs('a.1', 'completed', step(1, 'Done', 0, 10)),
      stepIs('a.1', 'running', running(step(2, 'Running', 10, 0))),
      stepIs('a.1', 'pending', pending(step(3, 'Pending', 0, 0))),
    );
    const { jobs } = buildReport(model, [], 'cancelled');
    expect(jobs.map(({ id, instance, conclusion, startedAt }) => [id, instance, conclusion, startedAt])).toEqual([
      ['a', 1, 'cancelled', at(10)],
      ['b', 0, 'cancelled', null],
    ]);
    expect(jobs[0]!.steps.map(({ conclusion, reason }) => [conclusion, reason])).toEqual([
      ['success', null],
      ['cancelled', 'job-cancelled'],
      ['cancelled', 'job-cancelled'],
    ]);
  });
});

describe('masking a report', () => {
  it('hides secrets in everything that is free text, and leaves what programs go by', () => {
    const masker = new Masker();
    masker.add('success');
    masker.add('s3cret');
    const report = job(
      'success',
      [
        step(1, 'about s3cret', 0, 1, {
          id: 'success',
          outputs: { 's3cret-key': 'x s3cret' },
          summary: '# s3cret',
          annotations: [
            {
              level: 'error',
              message: 's3cret',
              title: 's3cret',
              file: 'f',
              line: 1,
              endLine: null,
              column: null,
              endColumn: null,
            },
          ],
        }),
      ],
      { name: 's3cret', matrix: { a: ['s3cret', 1, { b: 's3cret' }], c: null }, outputs: { o: 's3cret' } },
    );
    const masked = maskJobReport(report, masker);
    expect(masked).toMatchObject({ id: 'success', conclusion: 'success', name: '***', outputs: { o: '***' } });
    expect(masked.matrix).toEqual({ a: ['***', 1, { b: '***' }], c: null });
    expect(masked.steps[0]).toMatchObject({
      ...{ id: 'success', conclusion: 'success', name: 'about ***', summary: '# ***' },
      outputs: { 's3cret-key': 'x ***' },
      annotations: [{ level: 'error', message: '***', title: '***', file: 'f' }],
    });
  });
});
