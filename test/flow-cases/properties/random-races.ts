/** Jobs of one race that come to their start in a random order, and how many of them may run. */
import fc from 'fast-check';

interface Racer {
  /** When what it needs has ended. */
  readonly after: number;
  readonly ticks: number;
  readonly can: boolean;
  readonly key: 'plain' | 'mutex' | 'instances' | 'before';
}

const racer: fc.Arbitrary<Racer> = fc.record({
  after: fc.nat(4),
  ticks: fc.nat(4),
  can: fc.boolean(),
  key: fc.constantFrom('plain', 'mutex', 'instances', 'before'),
});

export const races = fc.array(racer, { minLength: 1, maxLength: 5 }).map((racers) => ({
  body: { jobs: racers.flatMap((one, index) => jobsOf(one, index)), expect: {} },
  winners: racers.some(({ can }) => can) ? 1 : 0,
}));

function jobsOf({ after, ticks, can, key }: Racer, index: number): Record<string, unknown>[] {
  const id = `r${index}`;
  const doing = key === 'instances' ? { instances: { count: 2, do: { ticks } } } : { do: { ticks } };
  return [
    { id: `n${index}`, do: { ticks: after } },
    {
      id,
      needs: [`n${index}`],
      race: 'first',
      ...doing,
      ...(can ? {} : { if: false }),
      ...(key === 'mutex' ? { mutex: 'm' } : {}),
      ...(key === 'before' ? { before: [{ id: `${id}b`, do: { ticks: 1 } }] } : {}),
    },
  ];
}
