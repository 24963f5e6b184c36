import { describe, expect, it } from '@jest/globals';
import { AbortScope, Cancellation, causeOf } from '../../src/kernel/cancellation.ts';

describe('AbortScope', () => {
  it('passes the reason of its parent on', () => {
    const job = new AbortScope();
    const step = new AbortScope(job.signal);
    job.cancel('user');
    expect(step.signal.aborted).toBe(true);
    expect(causeOf(step.signal)).toBe('user');
  });

  it('starts ended when its parent has ended', () => {
    const job = new AbortScope();
    job.cancel('job-timeout');
    expect(causeOf(new AbortScope(job.signal).signal)).toBe('job-timeout');
  });

  it('keeps the first cause', () => {
    const scope = new AbortScope();
    scope.cancel('cancel-step');
    scope.cancel('step-timeout');
    expect(causeOf(scope.signal)).toBe('cancel-step');
    expect(scope.signal.reason).toBeInstanceOf(Cancellation);
  });

  it('does not end its parent', () => {
    const job = new AbortScope();
    new AbortScope(job.signal).cancel('cancel-step');
    expect(job.signal.aborted).toBe(false);
  });

  it('no longer follows its parent once disposed', () => {
    const job = new AbortScope();
    const step = new AbortScope(job.signal);
    step.dispose();
    job.cancel('user');
    expect(step.signal.aborted).toBe(false);
  });
});
