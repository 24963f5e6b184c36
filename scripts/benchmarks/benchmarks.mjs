// What is measured, and the floor it is measured against. `value` and `floor` share the unit.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeLogFixture } from './log-fixture.mjs';

const CLI = fileURLToPath(new URL('../../dist/paceline.js', import.meta.url));
const TRIVIAL = ':\n';
const BASH = ['--noprofile', '--norc', '-e', '-o', 'pipefail'];

export const benchmarks = [
  {
    // What one step costs beyond everything that a job costs once: from the first step's start to the last one's end.
    name: 'step',
    unit: 'ms',
    runs: 7,
    async measure(directory) {
      const count = 100;
      const steps = await stepsOf(directory, sequential(count), []);
      return { value: spanOf(steps) / count, floor: (await bareSpawns(directory, count, 1)) / count };
    },
  },
  {
    // The same as a user sees it: a whole run of a hundred steps, start-up included, against the bare spawns.
    name: 'sequential-100',
    unit: 'ms',
    runs: 7,
    async measure(directory) {
      const file = await workflow(directory, sequential(100));
      return {
        value: (await runCli([file, '--workspace', directory, '--quiet'])).ms,
        floor: await bareSpawns(directory, 100, 1),
      };
    },
  },
  {
    // From nothing to the exit of a run of one step, against the start of an empty Node.js process.
    name: 'start-up',
    unit: 'ms',
    runs: 15,
    async measure(directory) {
      const file = await workflow(directory, sequential(1));
      return {
        value: (await runCli([file, '--workspace', directory, '--quiet'])).ms,
        floor: await timed(() => exited(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }))),
      };
    },
  },
  {
    name: 'background-200',
    unit: 'ms',
    runs: 7,
    async measure(directory) {
      const children = Array.from({ length: 200 }, () => '      - { background: true, run: ":" }');
      const steps = await stepsOf(directory, [...children, '      - wait-all:'].join('\n'), []);
      return { value: spanOf(steps), floor: await bareSpawns(directory, 200, 10) };
    },
  },
  {
    // A million lines of 100 bytes with ten secrets to mask, against the same pipe read raw and thrown away.
    name: 'log-lines',
    unit: 's',
    runs: 5,
    measure: async (directory) => {
      const { value, floor } = await logRound(directory, { toFile: false });
      return { value: value.seconds, floor: floor.seconds };
    },
  },
  {
    // The same into a log file, against the same pipe copied into a file.
    name: 'log-file',
    unit: 's',
    runs: 5,
    measure: async (directory) => {
      const { value, floor } = await logRound(directory, { toFile: true });
      return { value: value.seconds, floor: floor.seconds };
    },
  },
  {
    name: 'log-memory',
    unit: 'MB',
    runs: 3,
    measure: async (directory) => {
      const { value, floor } = await logRound(directory, { toFile: true });
      return { value: value.peakMb, floor: floor.peakMb };
    },
  },
  {
    // From the start of a `cancel` step to the end of the whole tree of the cancelled one: `sleep` under bash and a
    // daemon that left the group. The floor kills a group of the same shape from bare Node.js, and misses the daemon.
    name: 'cancel',
    unit: 'ms',
    runs: 9,
    async measure(directory) {
      const script = 'setsid sleep 998 & touch "$PWD/ready"; sleep 999';
      const steps = await stepsOf(
        directory,
        [
          `      - { id: s, background: true, run: '${script}' }`,
          '      - run: "until [ -e ready ]; do sleep 0.01; done; rm ready; sleep 0.2"',
          '      - { id: c, cancel: s }',
        ].join('\n'),
        [],
      );
      const left = await livingSleeps();
      if (left > 0) throw new Error(`${left} processes were left after cancel`);
      const { startedAt, completedAt } = steps.find(({ id }) => id === 'c');
      return { value: Math.max(Date.parse(completedAt) - Date.parse(startedAt), 1), floor: await bareGroupKill() };
    },
  },
];

function sequential(count) {
  return Array.from({ length: count }, () => '      - run: ":"').join('\n');
}

async function workflow(directory, steps) {
  const file = join(directory, 'bench.yml');
  await writeFile(file, `on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n${steps}\n`);
  return file;
}

/** Runs the steps and returns the main ones from the report. */
async function stepsOf(directory, steps, args) {
  const file = await workflow(directory, steps);
  const report = join(directory, 'report.json');
  await runCli([file, '--workspace', directory, '--quiet', '--report', report, ...args]);
  const { conclusion, jobs } = JSON.parse(await readFile(report, 'utf8'));
  if (conclusion !== 'success') throw new Error(`the benchmark's workflow ended as ${conclusion}`);
  return jobs[0].steps.filter(({ phase }) => phase === 'main');
}

/** Milliseconds from the first start to the last end. */
function spanOf(steps) {
  const ends = steps.map(({ completedAt }) => Date.parse(completedAt));
  const starts = steps.filter(({ startedAt }) => startedAt).map(({ startedAt }) => Date.parse(startedAt));
  return Math.max(...ends) - Math.min(...starts);
}

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function exited(child) {
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`);
}

/** `{ ms, peakMb }` of one call of the command line. The peak is the kernel's own high-water mark. */
async function runCli(args) {
  const start = performance.now();
  const child = spawn(process.execPath, [CLI, 'run', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const peak = watchPeak(child.pid);
  await exited(child);
  return { ms: performance.now() - start, peakMb: peak() };
}

function watchPeak(pid) {
  let peakKb = 0;
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const found = /VmHWM:\s+(\d+) kB/.exec(status);
    if (found) peakKb = Math.max(peakKb, Number(found[1]));
  }, 20);
  return () => {
    clearInterval(timer);
    return peakKb / 1024;
  };
}

/** Milliseconds for `count` starts of the same script from bare Node.js, `atOnce` at a time. */
async function bareSpawns(directory, count, atOnce) {
  const script = join(directory, 'trivial.sh');
  await writeFile(script, TRIVIAL);
  let left = count;
  return timed(() =>
    Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) {
          const child = spawn('bash', [...BASH, script], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
          child.stdout.resume();
          child.stderr.resume();
          await exited(child);
        }
      }),
    ),
  );
}

async function logRound(directory, { toFile }) {
  const { file, secrets } = await writeLogFixture(directory);
  const copy = join(directory, 'copy.txt');
  const floor = await readRaw(file, toFile ? copy : '');
  const secretFile = join(directory, 'secrets.env');
  await writeFile(secretFile, secrets.map((secret, n) => `SECRET_${n}=${secret}`).join('\n'));
  const report = join(directory, 'report.json');
  const logs = join(directory, 'logs');
  const workflowFile = await workflow(directory, `      - run: cat '${file}'`);
  const { peakMb } = await runCli([
    ...[workflowFile, '--workspace', directory, '--quiet', '--report', report, '--secret-file', secretFile],
    ...(toFile ? ['--log-dir', logs] : []),
  ]);
  const { jobs } = JSON.parse(await readFile(report, 'utf8'));
  const step = jobs[0].steps.find(({ kind }) => kind === 'run');
  if (toFile) {
    const prefix = `${String(step.number).padStart(2, '0')}-`;
    const log = (await readdir(join(logs, 'job'))).find((name) => name.startsWith(prefix));
    const { size } = await stat(join(logs, 'job', log));
    if (size < 90_000_000) throw new Error(`the log has ${size} bytes only`);
  }
  return { value: { seconds: spanOf([step]) / 1000, peakMb }, floor };
}

/**
 * The same bytes through the same kind of pipe, a FIFO, into a Node.js process that only counts them, and copies them
 * into a file where one is named.
 */
async function readRaw(file, copy) {
  const reader = `const { constants, openSync, closeSync, unlinkSync, writeSync } = require('node:fs');
    const { execFileSync, spawn } = require('node:child_process');
    const [file, fifo, copy] = process.argv.slice(1);
    const out = copy === '' ? null : openSync(copy, 'w');
    execFileSync('mkfifo', [fifo]);
    const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeEnd = openSync(fifo, constants.O_WRONLY);
    unlinkSync(fifo);
    let n = 0;
    const start = performance.now();
    spawn('bash', ['-c', 'cat "$0"', file], { stdio: ['ignore', writeEnd, writeEnd] });
    closeSync(writeEnd);
    const socket = new (require('node:net').Socket)({ fd, readable: true, writable: false });
    socket.on('data', (block) => {
      n += block.length;
      if (out !== null) writeSync(out, block);
    });
    socket.on('close', () =>
      console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, peakMb: process.resourceUsage().maxRSS / 1024 })));`;
  const child = spawn(process.execPath, ['-e', reader, file, `${file}.fifo`, copy], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (block) => (text += block));
  await exited(child);
  return JSON.parse(text);
}

async function bareGroupKill() {
  const child = spawn('bash', ['-c', 'sleep 997'], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  await new Promise((resolve) => setTimeout(resolve, 100));
  return timed(async () => {
    process.kill(-child.pid, 'SIGINT');
    await once(child, 'close');
  });
}

/** Processes left of the cancelled step, by the lengths of their sleeps. */
async function livingSleeps() {
  let count = 0;
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'latin1').catch(() => '');
    if (line === 'sleep\x00998\x00' || line === 'sleep\x00999\x00') count++;
  }
  return count;
}
