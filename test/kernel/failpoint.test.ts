import { describe, expect, it } from '@jest/globals';
import { failpointAt } from '../../src/kernel/failpoint.ts';

describe('a failpoint', () => {
  it('strikes once, when its place is reached for the nth time', () => {
    let strikes = 0;
    const reach = failpointAt('server-before-commit:2', () => strikes++);
    reach('server-before-commit');
    reach('server-after-commit');
    expect(strikes).toBe(0);
    reach('server-before-commit');
    reach('server-before-commit');
    expect(strikes).toBe(1);
  });

  it('strikes the first time where no number is given', () => {
    let strikes = 0;
    failpointAt('worker-before-job-finished', () => strikes++)('worker-before-job-finished');
    expect(strikes).toBe(1);
  });

  it.each(['', 'nowhere', 'server-before-commit:x', 'server-before-commit:0', 'server-before-commit:1.5'])(
    'that there is not is refused: %j',
    (text) => {
      expect(() => failpointAt(text, () => undefined)).toThrow(RangeError);
    },
  );
});
