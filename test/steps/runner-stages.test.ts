/** Stages of steps: started in order, without a barrier in between. The names are those of QaaS's scenarios. */
import { describe, expect, it } from '@jest/globals';
import type { StepPlan, StepsJobPlan } from '../../src/protocol/plan.ts';
import { bg, FakeJob, fg, wait } from '../support/fake-job.ts';

const at = (stage: number, id: string, run = 'hold', keys = {}) => bg(id, run, { stage, ...keys });
const delays = (before: number, after: number) => ({ delayBeforeMs: before, delayAfterMs: after });
const jobOf = (steps: readonly StepPlan[], stages: StepsJobPlan['stages'] = {}) => new FakeJob(steps, { stages });

describe('stages of steps', () => {
  it('qa-same-stage-parallel: steps of a stage run side by side', async () => {
    const job = jobOf([at(0, 'x'), at(0, 'y')]);
    const { ended } = await job.start();
    expect(job.running).toEqual(['x', 'y']);
    await job.finish('y');
    await job.finish('x');
    await ended;
    expect(job.state.status).toBe('success');
  });

  it('qa-later-overlaps-earlier: a later stage starts while an earlier one runs, and the job waits for both', async () => {
    const job = jobOf([at(0, 'x'), at(1, 'y')]);
    const { ended } = await job.start();
    expect(job.running).toEqual(['x', 'y']);
    await job.finish('y');
    expect(job.step('Wait for all background steps').completedAt).toBeNull();
    await job.finish('x');
    await ended;
    expect(job.history).toEqual(['+x', '+y', '-y', '-x']);
  });

  it('qa-later-unblocks-earlier: what waits for a step of a later stage is not waited for by that stage', async () => {
    const job = jobOf([at(0, 'listen'), at(1, 'send')]);
    const { ended } = await job.start();
    // There is nothing to hear before it has been sent.
    expect(job.running).toContain('send');
    await job.finish('send');
    await job.finish('listen');
    await ended;
    expect(job.history).toEqual(['+listen', '+send', '-send', '-listen']);
    expect(job.state.status).toBe('success');
  });

  it('qa-launch-order: by number, whatever the order in the file; numbers of the steps stay as declared', async () => {
    const job = jobOf([at(2, 'x', ''), at(0, 'y', ''), at(1, 'z', '')]);
    await job.run();
    expect(job.history.filter((entry) => entry.startsWith('+'))).toEqual(['+y', '+z', '+x']);
    expect(['x', 'y', 'z'].map((id) => job.step(id).number)).toEqual([1, 2, 3]);
  });

  it('qa-delay-before-after: delays lie between the starts', async () => {
    const job = jobOf([at(0, 'x'), at(1, 'y'), at(2, 'z')], { 1: delays(3_000, 4_000) });
    const { ended } = await job.start();
    await job.clock.advance(2_999);
    expect(job.running).toEqual(['x']);
    await job.clock.advance(1);
    expect(job.running).toEqual(['x', 'y']);
    await job.clock.advance(3_999);
    expect(job.running).toEqual(['x', 'y']);
    await job.clock.advance(1);
    expect(job.running).toEqual(['x', 'y', 'z']);
    for (const id of ['x', 'y', 'z']) await job.finish(id);
    await ended;
    expect(job.clock.pendingTimers).toBe(0);
  });

  it('qa-last-delay-after-delays-end: the delay after the last stage is a part of the job', async () => {
    const job = jobOf([at(0, 'x', '')], { 0: delays(0, 5_000) });
    const { ended } = await job.start();
    expect(job.step('Wait for all background steps').startedAt).toBeNull();
    await job.clock.advance(5_000);
    await ended;
    expect(job.step('Wait for all background steps').conclusion).toBe('success');
  });

  it('qa-failure-siblings-continue: a failure keeps nothing of the other stages from running', async () => {
    const job = jobOf([at(0, 'x', 'exit 1'), at(0, 'y', 'output a=1'), at(1, 'z', 'output b=2')]);
    await job.run();
    expect(['x', 'y', 'z'].map((id) => job.step(id).conclusion)).toEqual(['failure', 'success', 'success']);
    expect(job.state.status).toBe('failure');
    expect(job.state.steps).toMatchObject({ y: { outputs: { a: '1' } }, z: { outputs: { b: '2' } } });
  });

  it('qa-all-fail: every failure is told of', async () => {
    const job = jobOf([at(0, 'x', 'exit 1'), at(1, 'y', 'exit 2')]);
    await job.run();
    expect(job.state.status).toBe('failure');
    expect(['x', 'y'].map((id) => job.step(id).exitCode)).toEqual([1, 2]);
  });

  it('qa-cancel: what runs is asked to end, and stages that were not reached are skipped', async () => {
    const job = jobOf([at(0, 'x'), at(1, 'y')], { 1: delays(60_000, 0) });
    const { ended } = await job.start();
    job.cancel.cancel('user');
    await ended;
    expect(job.step('x').conclusion).toBe('cancelled');
    expect(job.step('y').conclusion).toBe('skipped');
    expect(job.clock.pendingTimers).toBe(0);
  });

  it('a kill does not wait for delays and starts nothing more', async () => {
    const job = jobOf([at(0, 'x', ''), at(1, 'y', '')], { 1: delays(60_000, 0) });
    const { ended } = await job.start();
    job.kill.cancel('user');
    await ended;
    expect(job.history).toEqual(['+x', '-x']);
    expect(job.clock.pendingTimers).toBe(0);
  });

  it('a step without a stage stands where it is: stages before and behind it are started on their own', async () => {
    const job = jobOf([at(1, 'a'), at(0, 'b'), fg('f'), at(0, 'c', ''), wait('w', ['a', 'b'])]);
    const { ended } = await job.start();
    expect(job.history).toEqual(['+b', '+a', '+f', '-f', '+c', '-c']);
    await job.finish('a');
    await job.finish('b');
    await ended;
    expect(job.step('w').conclusion).toBe('success');
  });

  it('conditions are looked at when a stage is started', async () => {
    const job = jobOf([at(0, 'x', 'exit 1'), wait('w', ['x']), at(1, 'y', ''), at(1, 'z', '', { if: 'failure()' })]);
    await job.run();
    expect(job.step('y').conclusion).toBe('skipped');
    expect(job.step('z').conclusion).toBe('success');
  });

  it('slots are taken in the order of the start', async () => {
    const job = new FakeJob([at(1, 'x'), at(0, 'y'), at(0, 'z')], { maxBackground: 1 });
    const { ended } = await job.start();
    for (const id of ['y', 'z', 'x']) await job.finish(id);
    await ended;
    expect(job.history).toEqual(['+y', '-y', '+z', '-z', '+x', '-x']);
  });
});
