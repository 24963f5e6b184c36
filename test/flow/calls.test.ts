import { describe, expect, it } from '@jest/globals';
import type { InputPlan, TriggerPlan } from '../../src/protocol/plan.ts';
import { resolveSecrets } from '../../src/flow/resolve-secrets.ts';
import { begin } from './flow-driver.ts';
import { callable, input, workflow, type JobSketch } from './plans.ts';

const declared = (type: InputPlan['type'], more: Partial<InputPlan> = {}): InputPlan => ({
  type,
  required: false,
  default: null,
  options: [],
  description: null,
  ...more,
});

/** Calls a workflow of one job `x` and gives what the job or the refusal says. */
function call(inputs: TriggerPlan['inputs'], given: JobSketch['with'] = {}, contexts = {}) {
  const { flow } = begin(
    input(workflow({ c: { uses: 'w', with: given } }), { w: callable({ x: {} }, { inputs }) }, {}, contexts),
  );
  return flow.settled.get('c')?.message ?? flow.started.get('c.x')?.contexts.inputs;
}

describe('a called workflow', () => {
  it('runs its jobs under the key of the caller, with its own environment and the names of both', () => {
    const { flow, first } = begin(
      input(workflow({ a: {}, release: { needs: ['a'], uses: 'w', name: 'Release' } }, { env: { OUTER: '1' } }), {
        w: callable({ build: { matrix: { n: [1] } }, ship: { needs: ['build'] } }, {}, { env: { INNER: '1' } }),
      }),
    );
    expect(first).toEqual(['start a']);
    expect(flow.complete('a')).toEqual(['start release.build.1']);
    expect(flow.started.get('release.build.1')).toMatchObject({
      id: 'release.build',
      instance: 1,
      workflow: 1,
      displayName: 'Release / build (1)',
      env: [{ INNER: '1' }, {}],
      contexts: { needs: {}, matrix: { n: 1 }, inputs: {} },
    });
    expect(flow.complete('release.build.1')).toEqual(['start release.ship']);
    expect(flow.complete('release.ship')).toEqual(['run success']);
  });

  it('is called once for each instance of a matrix', () => {
    const { flow, first } = begin(
      input(
        workflow({ c: { uses: 'w', matrix: { n: ['p', 'q'] }, with: { v: '${{ matrix.n }}' } }, d: { needs: ['c'] } }),
        {
          w: callable({ x: {} }, { inputs: { v: declared('string') } }),
        },
      ),
    );
    expect(first).toEqual(['start c.1.x', 'start c.2.x']);
    expect(flow.started.get('c.2.x')).toMatchObject({
      id: 'c.2.x',
      instance: 0,
      displayName: 'c (q) / x',
      contexts: { inputs: { v: 'q' } },
    });
    flow.complete('c.1.x');
    expect(flow.complete('c.2.x')).toEqual(['start d']);
  });

  it('honours max-parallel and fail-fast of the job that calls', () => {
    const { flow, first } = begin(
      input(workflow({ c: { uses: 'w', matrix: { n: [1, 2, 3] }, strategy: { maxParallel: 2 } } }), {
        w: callable({ x: {}, y: { needs: ['x'] }, z: { needs: ['x'], if: 'always()' } }),
      }),
    );
    expect(first).toEqual(['start c.1.x', 'start c.2.x']);
    flow.complete('c.1.x', 'failure');
    // The call has failed when all of its jobs are over.
    expect(flow.complete('c.1.z')).toEqual(['cancel c.2.x', 'cancelled c.3']);
    expect(flow.complete('c.2.x', 'cancelled')).toEqual(['cancelled c.2.y', 'start c.2.z']);
    expect(flow.complete('c.2.z')).toEqual(['run failure']);
  });

  it('has the worst result of its jobs', () => {
    const results = (one: 'success' | 'failure' | 'cancelled' | 'skipped') => {
      const { flow } = begin(
        input(workflow({ c: { uses: 'w' }, d: { needs: ['c'], if: 'always()' } }), {
          w: callable({ x: {}, y: { if: 'false' } }),
        }),
      );
      flow.complete('c.x', one);
      return (flow.started.get('d')?.contexts.needs['c'] as { result: string }).result;
    };
    expect((['success', 'failure', 'cancelled', 'skipped'] as const).map(results)).toEqual([
      'success',
      'failure',
      'cancelled',
      'skipped',
    ]);
  });

  it('gives outputs of its jobs to the caller', () => {
    const { flow } = begin(
      input(
        workflow({ c: { uses: 'w' }, d: { needs: ['c'] } }),
        {
          w: callable(
            { x: {}, y: { if: 'false' } },
            {
              outputs: {
                url: { value: 'https://${{ jobs.x.outputs.host }}/${{ github.ref }}' },
                result: { value: '${{ jobs.y.result }}' },
                none: { value: '${{ jobs.x.outputs.nope }}' },
              },
            },
          ),
        },
        {},
        { github: { ref: 'main' } },
      ),
    );
    expect(flow.complete('c.x', 'success', { host: 'example.org' })).toEqual(['start d']);
    expect(flow.started.get('d')?.contexts.needs).toEqual({
      c: { result: 'success', outputs: { url: 'https://example.org/main', result: 'skipped' } },
    });
  });

  it('fails when its outputs cannot be evaluated', () => {
    const { flow } = begin(
      input(workflow({ c: { uses: 'w' } }), {
        w: callable({ x: {} }, { outputs: { o: { value: '${{ fromJSON(jobs.x.outputs.o) }}' } } }),
      }),
    );
    expect(flow.complete('c.x')).toEqual(['failure c', 'run failure']);
    expect(flow.settled.get('c')?.message).toContain('fromJSON() was given an empty text');
  });

  it('is one job to those around it when it is skipped', () => {
    const { first, flow } = begin(
      input(workflow({ c: { uses: 'w', if: 'false', matrix: { n: [1] } }, d: { needs: ['c'] } }), {
        w: callable({ x: {} }),
      }),
    );
    expect(first).toEqual(['skipped c', 'skipped d', 'run success']);
    expect(flow.settled.get('c')).toMatchObject({ id: 'c', name: 'c' });
  });

  it('looks at its own jobs only in success() and failure()', () => {
    const { flow } = begin(
      input(workflow({ a: {}, c: { needs: ['a'], if: 'always()', uses: 'w' } }), {
        w: callable({ x: {}, y: { if: 'failure()' } }),
      }),
    );
    expect(flow.complete('a', 'failure')).toEqual(['skipped c.y', 'start c.x']);
  });

  it('may call others, ten levels in all', () => {
    const levels = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          `w${index + 1}`,
          callable(index + 1 === count ? { leaf: {} } : { c: { uses: `w${index + 2}` } }),
        ]),
      );
    expect(begin(input(workflow({ c: { uses: 'w1' } }), levels(9))).first).toEqual([`start ${'c.'.repeat(9)}leaf`]);
    const { flow, first } = begin(input(workflow({ c: { uses: 'w1' } }), levels(10)));
    expect(first.at(-1)).toBe('run failure');
    expect(flow.settled.get('c.c.c.c.c.c.c.c.c.c')?.message).toBe(
      'Calling `w10` would make more than 9 levels of called workflows (`limits.max-depth`).',
    );
  });

  it('that calls itself ends at the limit', () => {
    const { flow, first } = begin(input(workflow({ c: { uses: 'w' } }), { w: callable({ c: { uses: 'w' } }) }));
    expect(first.at(-1)).toBe('run failure');
    expect(flow.settled.size).toBe(1);
  });

  it.each<[string, string]>([
    ['absent', 'The called workflow `absent` is missing.'],
    ['constructor', 'The called workflow `constructor` is missing.'],
    ['w', '`w` cannot be called: it has no `on.workflow_call`.'],
  ])('that is not there fails the job: %s', (uses, message) => {
    const { flow, first } = begin(input(workflow({ c: { uses } }), { w: workflow({ x: {} }) }));
    expect(first).toEqual(['failure c', 'run failure']);
    expect(flow.settled.get('c')?.message).toBe(message);
  });
});

describe('inputs of a called workflow', () => {
  it('are evaluated by the caller and converted to text where text is declared', () => {
    const contexts = { inputs: { outer: 'o' }, vars: { V: 'v' } };
    expect(
      call(
        { a: declared('string'), B: declared('boolean'), n: declared('number'), t: declared('string') },
        { a: '${{ inputs.outer }}-${{ vars.V }}', b: "${{ vars.V == 'v' }}", n: '${{ fromJSON(5) }}', t: 1.5 },
        contexts,
      ),
    ).toEqual({ a: 'o-v', B: true, n: 5, t: '1.5' });
  });

  it('have their default, or that of their type', () => {
    const contexts = { github: { ref: 'main' } };
    expect(
      call(
        {
          s: declared('string', { default: 'on ${{ github.ref }}' }),
          n: declared('number', { default: 3 }),
          s0: declared('string'),
          b0: declared('boolean'),
          n0: declared('number'),
        },
        {},
        contexts,
      ),
    ).toEqual({ s: 'on main', n: 3, s0: '', b0: false, n0: 0 });
  });

  it.each<[TriggerPlan['inputs'], JobSketch['with'], string]>([
    [{ a: declared('string', { required: true }) }, {}, "`w` needs the input 'a'."],
    [{}, { zz: 1 }, "`w` has no input 'zz'."],
    [{ a: declared('boolean') }, { a: 'true' }, "The input 'a' takes a boolean, but it is text."],
    [{ a: declared('number') }, { a: '${{ null }}' }, "The input 'a' takes a number, but it is empty."],
    [{ a: declared('string') }, { a: '${{ github }}' }, '`with.a` takes text, but it is a mapping.'],
    [{ a: declared('string') }, { a: "${{ fromJSON('x') }}" }, "The expression `fromJSON('x')` could not be evaluated"],
  ])('that do not fit fail the job: %j, %j', (inputs, given, message) => {
    expect(call(inputs, given)).toContain(message);
  });

  it('are not evaluated a second time', () => {
    expect(call({ a: declared('string') }, { a: "${{ '$' }}{{ github.ref }}" })).toEqual({ a: '${{ github.ref }}' });
  });
});

describe('secrets of a called workflow', () => {
  const root = { GITHUB_TOKEN: 't', A: '1', B: '2' };
  const shared = { github: { ref: 'main' }, vars: { V: 'v' } };

  function secretsOf(sketches: readonly JobSketch['secrets'][]) {
    const called = Object.fromEntries(
      sketches.map((_, index) => [
        `w${index}`,
        callable(
          index + 1 === sketches.length
            ? { x: {} }
            : { c: { uses: `w${index + 1}`, secrets: sketches[index + 1] ?? {}, with: { i: 'inner' } } },
          { inputs: { i: declared('string') } },
        ),
      ]),
    );
    const { flow } = begin(
      input(workflow({ c: { uses: 'w0', secrets: sketches[0] ?? {}, with: { i: 'outer' } } }), called, {}, shared),
    );
    const [job] = flow.started.values();
    return resolveSecrets(root, job!.secrets, shared);
  }

  it('are the token only, unless something is said', () => {
    expect(secretsOf([{}])).toEqual({ GITHUB_TOKEN: 't' });
  });

  it('are all of them with inherit, through every level', () => {
    expect(secretsOf(['inherit', 'inherit'])).toEqual(root);
  });

  it('are what is mapped, with the contexts of each caller, and nothing that is empty', () => {
    expect(
      secretsOf([
        { X: '${{ secrets.A }}', Y: '${{ vars.V }}-${{ github.ref }}', Z: '${{ secrets.NOPE }}' },
        { P: '${{ secrets.X }}${{ secrets.A }}', Q: '${{ inputs.i }}', Y: '${{ secrets.Y }}' },
      ]),
    ).toEqual({ GITHUB_TOKEN: 't', P: '1', Q: 'outer', Y: 'v-main' });
    expect(secretsOf(['inherit', { P: '${{ secrets.B }}' }])).toEqual({ GITHUB_TOKEN: 't', P: '2' });
    expect(secretsOf([{ P: '${{ secrets.B }}' }, 'inherit'])).toEqual({ GITHUB_TOKEN: 't', P: '2' });
  });
});
