import { describe, expect, it } from '@jest/globals';
import type { ActionManifest } from '../../src/workflow/action-manifest.ts';
import { parseAction } from '../../src/workflow/parse-action.ts';

function manifestOf(text: string): ActionManifest {
  const { manifest, diagnostics } = parseAction(text, 'action.yml');
  expect(diagnostics).toEqual([]);
  return manifest!;
}

function errorsOf(text: string): string[] {
  const { manifest, diagnostics } = parseAction(text, 'action.yml');
  expect(manifest).toBeNull();
  return diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
}

const composite = (step: string): string => `runs:\n  using: composite\n  steps:\n    - ${step}\n`;

describe('JavaScript actions', () => {
  it('are read with their stages and conditions', () => {
    const text = [
      'name: Cache',
      'description: Keeps files',
      'author: octo',
      'branding: { icon: archive, color: purple }',
      'inputs:',
      '  path: { description: What, required: true }',
      "  retries: { default: 3, required: 'True', deprecationMessage: gone soon, type: number }",
      '  token: { default: "${{ github.token }}", required: false }',
      '  bare:',
      'outputs: { hit: { description: d } }',
      'runs: { using: node20, main: dist/main.js, post: dist/post.js, post-if: success(), pre: dist/pre.js }',
    ].join('\n');
    expect(manifestOf(text)).toEqual({
      name: 'Cache',
      description: 'Keeps files',
      inputs: {
        path: { default: null, required: true, deprecationMessage: null, description: 'What' },
        retries: { default: '3', required: true, deprecationMessage: 'gone soon', description: null },
        token: { default: '${{ github.token }}', required: false, deprecationMessage: null, description: null },
        bare: { default: null, required: false, deprecationMessage: null, description: null },
      },
      outputs: { hit: { value: null } },
      runs: {
        ...{ using: 'node', version: 20, main: 'dist/main.js', pre: 'dist/pre.js', preIf: 'always()' },
        ...{ post: 'dist/post.js', postIf: 'success()' },
      },
    });
  });

  it.each([12, 16, 20, 24, 99])('of Node %d are read', (version) => {
    expect(manifestOf(`runs: { using: Node${version}, main: x.js }`).runs).toMatchObject({ using: 'node', version });
  });

  it('need nothing but how they run', () => {
    expect(manifestOf('runs: { using: node24, main: x.js }')).toMatchObject({ name: null, inputs: {}, outputs: {} });
    expect(manifestOf('inputs:\noutputs:\nruns: { using: node24, main: x.js }').inputs).toEqual({});
  });

  it('need a main script', () => {
    expect(errorsOf('runs: { using: node24 }')).toEqual(['`runs` needs `main`; name the script that it runs']);
  });
});

describe('docker actions', () => {
  it('are recognised', () => {
    const keys = 'image: Dockerfile, args: ["${{ inputs.a }}"], env: { A: b }, entrypoint: e, post-entrypoint: p';
    expect(manifestOf(`inputs: { a: }\nruns: { using: docker, ${keys} }`).runs).toEqual({
      using: 'docker',
      image: 'Dockerfile',
    });
  });

  it('see their inputs and nothing else', () => {
    expect(errorsOf('runs: { using: docker, image: x, args: ["${{ github.sha }}"] }')).toHaveLength(1);
  });
});

describe('composite actions', () => {
  it('are read step by step', () => {
    const { runs } = manifestOf(
      composite(
        '{ id: a, run: make, shell: bash, env: { A: 1 }, if: always(), continue-on-error: true, working-directory: d }',
      ) + '    - { uses: o/r@v1, with: { b: 2 } }\n',
    );
    expect(runs).toMatchObject({
      using: 'composite',
      steps: [
        {
          kind: 'run',
          id: 'a',
          if: 'always()',
          env: { A: '1' },
          continueOnError: true,
          background: false,
          group: null,
        },
        { kind: 'uses', id: '__o_r', with: { b: '2' }, timeoutMinutes: null },
      ],
    });
  });

  it.each(['background: true', 'wait: a', 'wait-all:', 'cancel: a', 'parallel: []', 'background: false'])(
    'refuse %s by its name',
    (key) => {
      const name = key.split(':')[0]!;
      for (const step of [`{ run: x, shell: sh, ${key} }`, `{ ${key} }`]) {
        const message = `\`${name}\` is not allowed in a composite action: its steps run one after the other; the action as a whole may run in the background`;
        expect(errorsOf(composite(step))).toContain(message);
      }
    },
  );

  it.each([
    ['{ run: make }', 'a `run` step needs `shell`; a composite action has no default shell'],
    ['{ name: x }', 'a step needs one of `run` or `uses`'],
    [
      '{ run: x, shell: sh, timeout-minutes: 5 }',
      '`timeout-minutes` is not allowed in a composite action; put it on the step that uses the action',
    ],
    [
      '{ run: "${{ secrets.A }}", shell: sh }',
      'the context `secrets` is not available here; available here: env, github, inputs, job, matrix, runner, steps, strategy',
    ],
    [
      '{ uses: checkout }',
      '`checkout` names no action; expected `./path`, `owner/name@ref`, `owner/name/path@ref` or `docker://image`',
    ],
    ['{ id: __a, run: x, shell: sh }', 'the id `__a` is reserved: ids that start with `__` are made by the parser'],
  ])('%s is refused', (step, message) => {
    expect(errorsOf(composite(step))).toEqual([message]);
  });

  it('give ids once', () => {
    expect(errorsOf(`${composite('{ id: a, run: x, shell: sh }')}    - { id: A, run: x, shell: sh }\n`)).toHaveLength(
      1,
    );
  });

  it('warn of inputs and steps that are not there', () => {
    const { manifest, diagnostics } = parseAction(
      `inputs: { who: {} }\noutputs: { o: { value: "\${{ steps.b.outputs.x }}" } }\n${composite('{ id: a, run: "${{ inputs.hwo }}", shell: sh }')}`,
      'action.yml',
    );
    expect(manifest).not.toBeNull();
    expect(diagnostics.map(({ message }) => message)).toEqual([
      'there is no step with the id `b`, so this is empty',
      'there is no input `hwo`, so this is empty; did you mean `who`?',
    ]);
  });
});

describe('what is no action', () => {
  it('an unknown kind is named with those that exist', () => {
    expect(errorsOf('runs: { using: cobol, main: x }')).toEqual([
      '`using` is `cobol`, which is no kind of action; expected `composite`, `docker`, `node20` or `node24`',
    ]);
  });

  it('no kind at all', () => {
    expect(errorsOf('runs: { main: x }')).toEqual([
      '`runs` needs `using`; expected `composite`, `docker`, `node20` or `node24`',
    ]);
  });

  it('a key of another kind of action', () => {
    expect(errorsOf('runs: { using: node24, main: x, image: y }')).toHaveLength(1);
  });

  it('expressions where GitHub only reads are left alone', () => {
    expect(manifestOf('description: "use ${{ github.token }}"\nruns: { using: node24, main: x }').description).toBe(
      'use ${{ github.token }}',
    );
  });

  it('a default that sees too much', () => {
    expect(errorsOf('inputs: { a: { default: "${{ env.A }}" } }\nruns: { using: node24, main: x }')).toHaveLength(1);
  });
});
