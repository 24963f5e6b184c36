/** A join of random sources, and how often it fires by definition. */
import fc from 'fast-check';

interface Source {
  readonly ends: 'success' | 'failure' | 'ignored' | 'skipped';
  readonly emit: number;
  readonly spawn: number;
  readonly ticks: number;
}

const source: fc.Arbitrary<Source> = fc.record({
  ends: fc.constantFrom('success', 'success', 'success', 'failure', 'ignored', 'skipped'),
  emit: fc.integer({ min: 1, max: 3 }),
  spawn: fc.integer({ min: 1, max: 2 }),
  ticks: fc.nat(4),
});

const rule = fc.oneof(
  fc.constantFrom('all' as const, 'keep' as const, 'active' as const),
  fc.record({ batch: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    count: fc.integer({ min: 1, max: 4 }),
    late: fc.constantFrom('ignore' as const, 'queue' as const, 'cancel' as const),
    ignored: fc.boolean(),
  }),
);
type Rule =
  | 'all'
  | 'keep'
  | 'active'
  | { batch: number }
  | { count: number; late: 'ignore' | 'queue' | 'cancel'; ignored: boolean };

export const joins = fc
  .record({ sources: fc.array(source, { minLength: 1, maxLength: 4 }), rule })
  .map(({ sources, rule: drawn }) => {
    const wanted: Rule =
      typeof drawn === 'object' && 'count' in drawn
        ? { ...drawn, count: Math.min(drawn.count, sources.length) }
        : drawn;
    // A source that fails does so once, at its end.
    const plain = sources.map((one): Source => (one.ends === 'success' ? one : { ...one, emit: 1, spawn: 1 }));
    return {
      body: {
        jobs: [...plain.map(sourceJob), { id: 'J', needs: plain.map((_, index) => `s${index}`), join: joinOf(wanted) }],
        expect: {},
      },
      firings: firingsOf(wanted, plain),
      /** What comes late is withdrawn when the join fires. */
      cancels: typeof wanted === 'object' && 'late' in wanted && wanted.late === 'cancel',
    };
  });

function sourceJob({ ends, emit, spawn, ticks }: Source, index: number): Record<string, unknown> {
  const fails = ends === 'failure' || ends === 'ignored';
  return {
    id: `s${index}`,
    do: fails ? { fail: true, ticks } : { emit, every: 1, ticks },
    ...(ends === 'skipped' ? { if: false } : {}),
    ...(ends === 'ignored' ? { on_failure: 'ignore' } : {}),
    ...(spawn === 1 ? {} : { spawn }),
  };
}

function joinOf(wanted: Rule): unknown {
  if (wanted === 'keep') return { mode: 'all', keep: true };
  if (typeof wanted === 'string') return wanted;
  if ('batch' in wanted) return { mode: 'each', batch: wanted.batch };
  const { count, late, ignored } = wanted;
  return { count, late, count_ignored_failures: ignored };
}

function firingsOf(wanted: Rule, sources: readonly Source[]): number {
  const isGood = ({ ends }: Source): boolean => ends === 'success' || ends === 'ignored';
  if (wanted === 'all') return sources.every(isGood) ? 1 : 0;
  if (wanted === 'keep') return sources.every(isGood) ? Math.min(...sources.map(({ emit }) => emit)) : 0;
  if (wanted === 'active') {
    const active = sources.filter(({ ends }) => ends !== 'skipped');
    return active.length > 0 && active.every(isGood) ? 1 : 0;
  }
  if ('batch' in wanted) {
    const arrivals = sources.filter(isGood).reduce((sum, { emit, spawn }) => sum + emit * spawn, 0);
    return Math.floor(arrivals / wanted.batch);
  }
  const counted = sources.filter(({ ends }) => ends === 'success' || (wanted.ignored && ends === 'ignored'));
  const rounds = wanted.late === 'queue' ? [1, 2, 3] : [1];
  return rounds.filter((round) => counted.filter(({ emit }) => emit >= round).length >= wanted.count).length;
}
