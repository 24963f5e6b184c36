import { describe, expect, it } from '@jest/globals';
import type { Check } from '../../src/doctor/check.ts';
import { CHECK_LIMIT_MS, runChecks } from '../../src/doctor/run-checks.ts';
import { FakeClock } from '../support/fake-clock.ts';

const well: Check = {
  id: 'well',
  title: 'Well',
  run: () => Promise.resolve({ verdict: 'ok', found: 'All is well.', remedy: null }),
};

describe('checks', () => {
  it('are run at once, and shown in the order given', async () => {
    const order: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const first: Check = {
      ...well,
      id: 'first',
      run: async (signal) => {
        await gate;
        order.push('first');
        return well.run(signal);
      },
    };
    const second: Check = {
      ...well,
      id: 'second',
      run: (signal) => {
        order.push('second');
        release();
        return well.run(signal);
      },
    };
    const results = await runChecks([first, second], new FakeClock());
    expect(order).toEqual(['second', 'first']);
    expect(results.map(({ id }) => id)).toEqual(['first', 'second']);
  });

  it('that throw say nothing about what they look at, and spoil no other', async () => {
    const broken: Check = { ...well, run: () => Promise.reject(new Error('no such thing')) };
    const results = await runChecks([broken, well], new FakeClock());
    expect(results).toMatchObject([
      { verdict: 'note', found: 'It could not be looked at: no such thing.' },
      { verdict: 'ok' },
    ]);
  });

  it('that do not end are given up after their time, and told so', async () => {
    const clock = new FakeClock();
    let given: AbortSignal | null = null;
    const endless: Check = {
      ...well,
      run: (signal) => {
        given = signal;
        return new Promise(() => undefined);
      },
    };
    const results = runChecks([endless, well], clock);
    await clock.advance(CHECK_LIMIT_MS);
    expect(await results).toMatchObject([{ verdict: 'wrong', ms: CHECK_LIMIT_MS }, { verdict: 'ok' }]);
    expect(given).toMatchObject({ aborted: true });
  });
});
