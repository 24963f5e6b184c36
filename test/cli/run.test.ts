import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { RunEvent } from '../../src/protocol/events.ts';
import type { Report } from '../../src/protocol/report.ts';
import { CommandLine, type Ended } from './command-line.ts';

let line: CommandLine;
beforeEach(async () => {
  line = await CommandLine.open();
});
afterEach(() => line.close());

/** A workflow of one job whose steps run these scripts. */
const job = (...scripts: readonly string[]): string =>
  `on: push\njobs:\n  j:\n    runs-on: x\n    steps:\n${scripts.map((script) => `      - run: |\n          ${script}\n`).join('')}`;

async function run(
  workflow: string,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Ended> {
  await line.write('w.yml', workflow);
  return line.run(['run', 'w.yml', ...args], environment);
}

/** What the steps printed, of all jobs. */
const printed = ({ stdout }: Ended): string[] =>
  stdout
    .split('\n')
    .map((text) => /^.* \| (.*)$/.exec(text)?.[1] ?? '')
    .filter((text) => text.startsWith('>'));

const read = (name: string): Promise<string> => readFile(join(line.workspace, name), 'utf8');

describe('what a run is given', () => {
  it('inputs have their types, also in the payload', async () => {
    const workflow = job(
      "echo '>${{ inputs.count == 3 && inputs.flag == true && inputs.name }}'",
      "echo '>${{ toJSON(github.event.inputs) }}' | tr -d ' \\n'; echo",
    ).replace(
      'on: push',
      'on: { workflow_dispatch: { inputs: { count: { type: number }, flag: { type: boolean, default: true }, name: {} } } }',
    );
    const args = ['--event', 'workflow_dispatch', '--input', 'count=3', '--input', 'name=a=b'];
    expect(printed(await run(workflow, args))).toEqual(['>a=b', '>{"count":"3","flag":"true","name":"a=b"}']);
  });

  it('variables, environment and the event', async () => {
    await line.write('event.json', '{ "ref": "refs/tags/v9", "custom": { "deep": [1, 2] } }');
    const workflow = job(
      'echo ">${{ vars.COLOUR }} $FROM_OPTION $FROM_SHELL $IN_WORKFLOW"',
      'echo ">$GITHUB_REF_TYPE $GITHUB_REF_NAME ${{ github.event.custom.deep[1] }}"',
      'echo ">${GITHUB_TOKEN-none} ${INPUT_X-none} ${RUNNER_STALE-none}"',
    ).replace('jobs:', 'env: { IN_WORKFLOW: workflow }\njobs:');
    const ended = await run(
      workflow,
      [
        '--var',
        'COLOUR=red',
        '--env',
        'FROM_OPTION=option',
        '--env',
        'IN_WORKFLOW=option',
        '--event-path',
        'event.json',
      ],
      {
        FROM_SHELL: 'shell',
        GITHUB_TOKEN: 'of the shell',
        GITHUB_ACTIONS: 'true',
        INPUT_X: 'stale',
        RUNNER_STALE: 'x',
      },
    );
    expect(printed(ended)).toEqual(['>red option shell workflow', '>tag v9 2', '>none none none']);
  });

  it('one job brings what it needs; a matrix can be narrowed', async () => {
    const workflow = `
on: push
jobs:
  a: { runs-on: x, steps: [ { run: "echo '>a'" } ] }
  b:
    needs: a
    runs-on: x
    strategy: { matrix: { os: [linux, mac], node: [20, 22] } }
    steps: [ { run: "echo '>b \${{ matrix.os }} \${{ matrix.node }}'" } ]
  c: { runs-on: x, steps: [ { run: "echo '>c'" } ] }
`;
    const ended = await run(workflow, ['--job', 'b', '--matrix', 'os:mac', '--report', 'r.json']);
    expect(printed(ended)).toEqual(['>a', '>b mac 20', '>b mac 22']);
    const { jobs } = JSON.parse(await read('r.json')) as Report;
    expect(jobs.map(({ id, instance, matrix }) => [id, instance, matrix])).toEqual([
      ['a', 0, null],
      ['b', 3, { os: 'mac', node: 20 }],
      ['b', 4, { os: 'mac', node: 22 }],
    ]);
  });

  it('a configuration beside the workspace, unless another is named', async () => {
    await line.write('runner.config.json', '{ "envFile": "mine.env" }');
    await line.write('mine.env', 'FROM_FILE=mine\n');
    await line.write('other.json', '{}');
    const workflow = job('echo ">${FROM_FILE-none}"');
    expect(printed(await run(workflow))).toEqual(['>mine']);
    expect(printed(await run(workflow, ['--config', 'other.json']))).toEqual(['>none']);
  });

  it('another workspace than the current folder', async () => {
    await mkdir(join(line.workspace, 'elsewhere'));
    expect(printed(await run(job('echo ">$PWD $GITHUB_WORKSPACE"'), ['--workspace', 'elsewhere']))).toEqual([
      `>${line.workspace}/elsewhere ${line.workspace}/elsewhere`,
    ]);
  });
});

describe('secrets', () => {
  it('come from the option, the environment or a file, and are nowhere in what is written', async () => {
    await line.write(
      '.secrets',
      'IN_FILE="multi\\nline secret"\n# comment\nexport QUOTED=\'s1ngle $x\'\nBARE=b4re # comment\n',
    );
    const secrets = ['opt1on', 'env1ronment', 'line secret', 's1ngle $x', 'b4re'];
    const workflow = job(
      'printf "%s" "${{ secrets.OPTION }}" | md5sum | sed s/^/\\>/',
      "printf '%s' '${{ secrets.QUOTED }}' | md5sum | sed s/^/\\>/",
      'echo "::warning title=opt1on::it is env1ronment"; echo "x=${{ secrets.BARE }}" >> "$GITHUB_OUTPUT"; echo "# b4re" >> "$GITHUB_STEP_SUMMARY"; exit 1',
    )
      .replace('    steps:', `    strategy: { matrix: { v: [opt1on] } }\n    steps:`)
      .replace('jobs:', 'name: about env1ronment\njobs:');
    const ended = await run(
      workflow,
      [
        ...['--secret', 'OPTION=opt1on', '--secret', 'ENVIRONMENT', '--secret-file', '.secrets'],
        ...['--report', 'r.json', '--events', 'e.ndjson', '--log-dir', 'logs'],
      ],
      { ENVIRONMENT: 'env1ronment' },
    );
    expect(ended.exitCode).toBe(1);
    const sum = (text: string): string => `>${createHash('md5').update(text).digest('hex')}  -`;
    expect(printed(ended)).toEqual([sum('opt1on'), sum('s1ngle $x')]);
    const written = [ended.stdout, ended.stderr, await read('r.json'), await read('e.ndjson')];
    for (const name of await readdir(join(line.workspace, 'logs'), { recursive: true })) {
      written.push(name);
      if (name.endsWith('.log')) written.push(await read(join('logs', name)));
    }
    for (const secret of secrets) expect(written.filter((text) => text.includes(secret))).toEqual([]);
    const { jobs } = JSON.parse(await read('r.json')) as Report;
    expect(jobs[0]!.steps.at(-2)!.annotations[0]).toMatchObject({ title: '***', message: 'it is ***' });
  });

  it('the token is the secret GITHUB_TOKEN, else empty', async () => {
    const workflow = job('echo ">${#TOKEN}"').replace('jobs:', 'env: { TOKEN: "${{ github.token }}" }\njobs:');
    expect(printed(await run(workflow))).toEqual(['>0']);
    expect(printed(await run(workflow, ['--secret', 'GITHUB_TOKEN=12345']))).toEqual(['>5']);
  });
});

describe('what a run writes', () => {
  const schema = async (name: string): Promise<ReturnType<Ajv2020['compile']>> =>
    new Ajv2020({ strict: false, validateFormats: false }).compile(
      JSON.parse(await readFile(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as object,
    );

  it.each([
    ['success', job('echo fine'), 0],
    ['failure', job('exit 3'), 1],
    ['failure', 'on: push\njobs: 1\n', 2],
  ])('a report of a %s fits the schema', async (conclusion, workflow, code) => {
    expect((await run(workflow, ['--report', 'out/r.json'])).exitCode).toBe(code);
    const report = JSON.parse(await read('out/r.json')) as Report;
    const validate = await schema('report');
    expect([validate(report), validate.errors]).toEqual([true, null]);
    expect(report).toMatchObject({ conclusion, workflow: { path: 'w.yml' } });
    expect(report.diagnostics.length > 0).toBe(code === 2);
  });

  it('events fit the schema, begin with the run and end with it', async () => {
    await run(job('echo one; echo "::notice::x"', 'exit 1'), ['--events', 'e.ndjson']);
    const events = (await read('e.ndjson'))
      .split('\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text) as RunEvent);
    const validate = await schema('events');
    for (const event of events)
      expect([validate(event), event.type, validate.errors]).toEqual([true, event.type, null]);
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort());
    expect([events[0]!.type, events[1]!.type]).toEqual(['run-started', 'job-started']);
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['job-completed', 'run-completed']);
    const kinds = new Set(events.map(({ type }) => type));
    expect([...kinds].sort()).toEqual(
      ['annotation', 'job-completed', 'job-started', 'log', 'run-completed', 'run-started', 'step'].sort(),
    );
  });

  it('events can be read while the run goes on', async () => {
    await line.write('w.yml', job('until grep -q \'"running"\' e.ndjson; do sleep 0.05; done; echo ">seen"'));
    expect(printed(await line.run(['run', 'w.yml', '--events', 'e.ndjson']))).toEqual(['>seen']);
  });

  it('a disk that is full for events or logs is told, and the run goes on', async () => {
    const ended = await run(job('echo ">here"'), ['--events', '/dev/full']);
    expect([ended.exitCode, printed(ended)]).toEqual([0, ['>here']]);
    expect(ended.stderr).toMatch(/^No more events are written to \/dev\/full: .*ENOSPC/);
  });

  it('log files are named by number and step, for jobs by key', async () => {
    const matrix = job('echo x').replace('    steps:', '    strategy: { matrix: { v: [1, 2] } }\n    steps:');
    await run(matrix, ['--log-dir', 'logs']);
    expect((await readdir(join(line.workspace, 'logs'))).sort()).toEqual(['j.1', 'j.2']);
    expect((await readdir(join(line.workspace, 'logs/j.1'))).sort()).toEqual([
      '01-Set-up-job.log',
      '02-Run-echo-x.log',
      '03-Complete-job.log',
    ]);
  });

  it('quiet prints the end only, and what failed', async () => {
    expect((await run(job('echo hidden'), ['--quiet'])).stdout).toMatch(
      /^✓ w\.yml: success in \d\.\ds \(1 job, 3 steps\)\n$/,
    );
    const failed = await run(job('echo shown; exit 2'), ['--quiet']);
    expect(failed.stdout.split('\n').slice(0, 2)).toEqual([
      '✗ j / Run echo shown; exit 2 failed: exit code 2',
      '  │ shown',
    ]);
  });

  it('warnings are printed in moderation, and not at all when it is quiet', async () => {
    const steps = Array.from({ length: 20 }, () => '      - { background: true, run: "true" }\n').join('');
    const workflow = `on: push\njobs:\n  j:\n    runs-on: x\n    steps:\n${steps}`;
    const { stderr } = await run(workflow);
    expect(stderr.match(/^w\.yml:\d+:\d+: warning: /gm)).toHaveLength(5);
    expect(stderr).toContain("15 more warnings; 'paceline lint w.yml' shows them\n");
    expect((await run(workflow, ['--quiet'])).stderr).toBe('');
  });

  it('FORCE_COLOR colours a pipe, NO_COLOR does not', async () => {
    const failing = job('exit 1');
    const escape = '\u001b[';
    expect((await run(failing, [], { FORCE_COLOR: '1' })).stdout).toContain(`${escape}31m`);
    expect((await run(failing, ['--no-color'], { FORCE_COLOR: '1' })).stdout).not.toContain(escape);
    expect((await run(failing, [], { NO_COLOR: '1' })).stdout).not.toContain(escape);
    expect((await run(failing)).stdout).not.toContain(escape);
  });
});

describe('a reader that goes away or stands still', () => {
  it('changes neither the run nor its exit code', async () => {
    await line.write(
      'w.yml',
      job('for n in $(seq 2000); do echo "a line of some length $n"; done; touch done; exit 1'),
    );
    const ended = await line.shell(
      '"$NODE" "$CLI" run w.yml --report r.json | head -n 1; echo "code ${PIPESTATUS[0]}"',
    );
    expect(ended.stdout).toBe('w.yml\ncode 1\n');
    expect(ended.stderr).toBe('');
    expect((JSON.parse(await read('r.json')) as Report).conclusion).toBe('failure');
    expect(await readdir(line.workspace)).toContain('done');
  });

  it('does not hold up the steps, and gets everything when it goes on', async () => {
    await line.write('w.yml', job('seq -f "%0999.0f" 5000', 'touch done'));
    const ended = await line.shell(
      '"$NODE" "$CLI" run w.yml | { until [ -e done ]; do sleep 0.05; done; wc -l; }; echo "code ${PIPESTATUS[0]}"',
    );
    expect(Number(ended.stdout.split('\n')[0])).toBeGreaterThan(5_000);
    expect(ended.stdout).toContain('code 0');
  });
});

describe('several jobs', () => {
  const meeting = `
on: push
jobs:
  a: { runs-on: x, steps: [ { run: "touch \${{ vars.AT }}/a; for n in $(seq 200); do [ -e \${{ vars.AT }}/b ] && exit; sleep 0.05; done; exit 1" } ] }
  b: { runs-on: x, steps: [ { run: "touch \${{ vars.AT }}/b; for n in $(seq 200); do [ -e \${{ vars.AT }}/a ] && exit; sleep 0.05; done; exit 1" } ] }
`;
  const order = `
on: push
jobs:
  a: { runs-on: x, steps: [ { run: "touch a-runs; sleep 0.3; rm a-runs" } ] }
  b: { runs-on: x, steps: [ { run: "test ! -e a-runs" } ] }
`;

  it('run one at a time in place, at once when they are asked to', async () => {
    expect((await run(order)).exitCode).toBe(0);
    expect((await run(meeting, ['--var', `AT=${line.workspace}`, '--jobs', '2'])).exitCode).toBe(0);
  });

  it('with --isolate run at once, each in a folder of its own that is gone afterwards', async () => {
    await line.write('shared', 'x');
    const isolated = `
on: push
jobs:
  a: { runs-on: x, steps: [ { run: "echo a >> shared; cat shared | tr '\\\\n' ' ' | sed 's/^/>/'; echo; echo \\">$PWD\\"" } ] }
  b: { runs-on: x, steps: [ { run: "echo b >> shared; cat shared | tr '\\\\n' ' ' | sed 's/^/>/'; echo; echo \\">$PWD\\"" } ] }
`;
    const ended = await run(isolated, ['--isolate']);
    expect(ended.exitCode).toBe(0);
    const [first, second] = ['a', 'b'].map((letter) => printed(ended).filter((text) => text === `>x${letter} `));
    expect([first!.length, second!.length]).toEqual([1, 1]);
    expect(await read('shared')).toBe('x');
    const folders = printed(ended).filter((text) => text.startsWith('>/'));
    expect(new Set(folders).size).toBe(2);
    expect(folders.join('\n')).not.toContain(line.workspace);
    expect((await run(meeting, ['--var', `AT=${line.workspace}`, '--isolate', '--jobs', '2'])).exitCode).toBe(0);
  });
});

describe('called workflows', () => {
  it('run with their inputs and secrets, and give back outputs', async () => {
    await line.write(
      '.github/workflows/called.yml',
      `
on:
  workflow_call:
    inputs: { who: { type: string, required: true } }
    secrets: { key: { required: true } }
    outputs: { answer: { value: "\${{ jobs.inner.outputs.answer }}" } }
jobs:
  inner:
    runs-on: x
    outputs: { answer: "\${{ steps.s.outputs.a }}" }
    steps:
      - { id: s, run: "echo '>hello \${{ inputs.who }}, the key has '$(printf %s '\${{ secrets.key }}' | wc -c); echo a=42 >> $GITHUB_OUTPUT" }
`,
    );
    const caller = `
on: push
jobs:
  call:
    uses: ./.github/workflows/called.yml
    with: { who: world }
    secrets: { key: "\${{ secrets.KEY }}" }
  after: { needs: call, runs-on: x, steps: [ { run: "echo '>\${{ needs.call.outputs.answer }}'" } ] }
`;
    const ended = await run(caller, ['--secret', 'KEY=12345', '--report', 'r.json', '--log-dir', 'logs']);
    expect(printed(ended)).toEqual(['>hello world, the key has 5', '>42']);
    const { jobs } = JSON.parse(await read('r.json')) as Report;
    expect(jobs.map(({ id, conclusion }) => [id, conclusion])).toEqual([
      ['call.inner', 'success'],
      ['after', 'success'],
    ]);
    expect(await readdir(join(line.workspace, 'logs'))).toEqual(expect.arrayContaining(['call.inner', 'after']));
  });

  it('with an error are exit 2 before anything runs', async () => {
    await line.write(
      '.github/workflows/called.yml',
      'on: workflow_call\njobs: { a: { runs-on: x, steps: [ { rum: x } ] } }',
    );
    const caller =
      'on: push\njobs:\n  first: { runs-on: x, steps: [ { run: touch ran } ] }\n  call: { uses: ./.github/workflows/called.yml }\n';
    const ended = await run(caller, ['--report', 'r.json']);
    expect(ended.exitCode).toBe(2);
    expect(ended.stderr).toMatch(/^\.github\/workflows\/called\.yml:2:\d+: error: .*rum/);
    expect(await readdir(line.workspace)).not.toContain('ran');
    expect((JSON.parse(await read('r.json')) as Report).diagnostics[0]!.file).toBe('.github/workflows/called.yml');
  });

  it('of a repository come from an action root; one that is nowhere is exit 2 offline', async () => {
    await line.write(
      'roots/o/r/.github/workflows/c.yml',
      'on: workflow_call\njobs: { a: { runs-on: x, steps: [ { run: "echo \'>from o/r\'" } ] } }',
    );
    const caller = 'on: push\njobs: { call: { uses: o/r/.github/workflows/c.yml@v1 } }\n';
    expect(printed(await run(caller, ['--action-root', 'roots', '--offline']))).toEqual(['>from o/r']);
    const missing = await run(caller, ['--offline']);
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toMatch(/^w\.yml:2:\d+: error: .*o\/r@v1.*--offline/);
  });

  it('that cannot be fetched are exit 4', async () => {
    await line.write('runner.config.json', '{ "actions": { "baseUrl": "http://127.0.0.1:1" } }');
    const ended = await run('on: push\njobs: { call: { uses: o/r/.github/workflows/c.yml@v1 } }\n');
    expect(ended.exitCode).toBe(4);
    expect(ended.stderr).toMatch(/^w\.yml:2:\d+: error: .*o\/r@v1/);
  }, 60_000);
});

describe('filters', () => {
  it('are applied only when it is asked for', async () => {
    const workflow = job('echo ">ran"').replace('on: push', 'on: { push: { branches: [release] } }');
    expect(printed(await run(workflow))).toEqual(['>ran']);
    const held = await run(workflow, ['--apply-filters', '--report', 'r.json']);
    expect([held.exitCode, held.stdout]).toEqual([0, "Nothing to run: the branch 'main' matches none of release.\n"]);
    expect(JSON.parse(await read('r.json'))).toMatchObject({ conclusion: 'success', jobs: [] });
  });
});

describe('start-up', () => {
  it('works without the code cache, and with one that is not for it', async () => {
    await line.write('w.yml', job('echo ">ran"'));
    for (const harm of ['rm', 'truncate -s 100']) {
      const script = `cp -r "$(dirname "$CLI")" dist; ${harm} dist/core-*.cache; "$NODE" dist/paceline.js run w.yml; code=$?; rm -r dist; exit $code`;
      const ended = await line.shell(script);
      expect([ended.exitCode, printed(ended), ended.stderr]).toEqual([0, ['>ran'], '']);
    }
  });

  it('loads nothing that a plain run does not need', async () => {
    await line.write('w.yml', job('echo ">ran"'));
    const ended = await line.shell(
      'cp -r "$(dirname "$CLI")" dist; rm dist/{actions-glob,log-update,undici,winston,zod}-*.js; "$NODE" dist/paceline.js run w.yml; code=$?; rm -r dist; exit $code',
    );
    expect([ended.exitCode, printed(ended)]).toEqual([0, ['>ran']]);
  });
});
