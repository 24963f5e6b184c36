/**
 * Runs a workflow as a user does: the built command line in a process of its own, in a folder of its own. Afterwards
 * nothing of it may be left: a process that still lives or a file under the temporary folder fails the test.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report, StepReport } from '../../src/protocol/report.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { livingWith, MARKER } from './living-processes.ts';

export const CLI = fileURLToPath(new URL('../../dist/paceline.js', import.meta.url));

export interface RunOptions {
  /** More arguments for `paceline run`. */
  readonly args?: readonly string[];
  /** Files written into the workspace first, by relative path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Steps may leave files in the temporary folder, for tests about just that. */
  readonly keepsTemporaryFiles?: boolean;
}

export interface WorkflowRun {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The workspace; removed when the test file ends. */
  readonly directory: string;
  readonly report: Report;
  readonly events: readonly RunEvent[];
  /** The one step with this id or name, in the given job (default: the first). */
  step(idOrName: string, job?: string): StepReport;
  /** The log of that step, header included. */
  log(idOrName: string, job?: string): string;
  /** The log's lines that the step's own process printed: without the header group and without `##[…]` lines. */
  printed(idOrName: string, job?: string): string[];
}

export interface StartedWorkflow {
  readonly process: ChildProcess;
  readonly directory: string;
  /** Resolves when the text has appeared in what the command line printed; rejects when it ends before. */
  printed(text: string): Promise<void>;
  readonly finished: Promise<WorkflowRun>;
}

/** One job `job` with these steps (YAML of a list, indented at will). `jobKeys` go beside `steps`. */
export function jobOf(steps: string, jobKeys = ''): string {
  return [
    'on: push',
    'jobs:',
    '  job:',
    '    runs-on: ubuntu-latest',
    ...indent(jobKeys, 4),
    '    steps:',
    ...indent(steps, 6),
  ].join('\n');
}

/** Moves a block so that its least indented line stands at `column` spaces. */
function indent(block: string, column: number): string[] {
  const lines = block.split('\n').filter((line) => line.trim() !== '');
  const least = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => ' '.repeat(column) + line.slice(least));
}

export async function runWorkflow(workflow: string, options: RunOptions = {}): Promise<WorkflowRun> {
  return (await startWorkflow(workflow, options)).finished;
}

export async function startWorkflow(workflow: string, options: RunOptions = {}): Promise<StartedWorkflow> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'paceline-test-')));
  const directory = join(root, 'workspace');
  const temporary = join(root, 'tmp');
  const logs = join(root, 'logs');
  await mkdir(directory);
  await mkdir(temporary);
  await mkdir(join(root, 'home'));
  const file = join(directory, 'workflow.yml');
  for (const [name, content] of Object.entries({ 'workflow.yml': workflow, ...options.files })) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content, { mode: content.startsWith('#!') ? 0o755 : 0o644 });
  }

  const marker = randomUUID();
  const child = spawn(
    process.execPath,
    [
      ...[CLI, 'run', file, '--workspace', directory, '--report', join(root, 'report.json')],
      ...['--events', join(root, 'events.ndjson'), '--log-dir', logs, ...(options.args ?? [])],
    ],
    {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: join(root, 'home'), TMPDIR: temporary, [MARKER]: marker, ...options.env },
    },
  );
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const watch = (): void => watchers.forEach((watcher) => watcher());
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    watch();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    watch();
  });
  const closed = new Promise<{ exitCode: number | null; signal: string | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  closed.then(watch, watch);

  const finish = async (): Promise<WorkflowRun> => {
    const end = await closed;
    try {
      const living = await livingWith(marker);
      if (living.length > 0) {
        for (const { pid } of living) process.kill(pid, 'SIGKILL');
        throw new Error(`left behind: ${living.map(({ pid, name }) => `${name} (${pid})`).join(', ')}`);
      }
      const files = await readdir(temporary);
      if (files.length > 0 && !options.keepsTemporaryFiles) throw new Error(`left in TMPDIR: ${files.join(', ')}`);
      const read = async (name: string): Promise<string> => readFile(join(root, name), 'utf8').catch(() => '');
      const report = await read('report.json');
      const events = await read('events.ndjson');
      const logFiles = new Map<string, string>();
      for (const name of await readdir(logs, { recursive: true }).catch(() => []))
        if (name.endsWith('.log')) logFiles.set(name, await read(join('logs', name)));
      return run({
        ...end,
        stdout,
        stderr,
        directory,
        report: (report === '' ? null : JSON.parse(report)) as Report,
        events: events
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as RunEvent),
        logFiles,
      });
    } finally {
      roots.push(root);
    }
  };
  return {
    process: child,
    directory,
    finished: finish(),
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stdout.includes(text)) resolve();
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`ended without printing '${text}':\n${stdout}${stderr}`));
          else return;
          watchers.delete(look);
        };
        watchers.add(look);
        look();
      }),
  };
}

/** Folders of finished runs; `removeWorkflowFolders` empties it in `afterAll`. */
const roots: string[] = [];

export async function removeWorkflowFolders(): Promise<void> {
  for (const root of roots.splice(0)) await rm(root, { recursive: true, force: true });
}

function run(facts: {
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  directory: string;
  report: Report;
  events: readonly RunEvent[];
  logFiles: ReadonlyMap<string, string>;
}): WorkflowRun {
  const { report, logFiles, ...rest } = facts;
  const jobReport = (key?: string): Report['jobs'][number] => {
    const found = report.jobs.find((job) => key === undefined || jobKeyOf(job) === key);
    if (!found) throw new Error(`no job ${key ?? ''} in the report`);
    return found;
  };
  const step = (idOrName: string, job?: string): StepReport => {
    const steps = jobReport(job).steps;
    const found = steps.find(({ id }) => id === idOrName) ?? steps.find(({ name }) => name === idOrName);
    if (!found) throw new Error(`no step ${idOrName}; there are ${steps.map(({ name }) => name).join(', ')}`);
    return found;
  };
  const log = (idOrName: string, job?: string): string => {
    const prefix = `${jobKeyOf(jobReport(job))}/${String(step(idOrName, job).number).padStart(2, '0')}-`;
    for (const [name, text] of logFiles) if (name.startsWith(prefix)) return text;
    return '';
  };
  return {
    ...rest,
    report,
    step,
    log,
    printed(idOrName, job) {
      const lines = log(idOrName, job).split('\n').slice(0, -1);
      const headed = lines.some((line) => line.startsWith('##[group]Run '));
      return lines.slice(headed ? lines.indexOf('##[endgroup]') + 1 : 0).filter((line) => !line.startsWith('##['));
    },
  };
}

function jobKeyOf(job: Report['jobs'][number]): string {
  return job.instance > 0 ? `${job.id}.${String(job.instance)}` : job.id;
}
