#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isatty } from 'node:tty';
import { StreamOutput } from '../local/stream-output.ts';
import { UsageError } from '../local/usage-error.ts';
import type { CliHost } from './cli-host.ts';
import { problemOf } from './command-problem.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { internalErrorText } from './internal-error-text.ts';
import { runProgram } from './program.ts';

const version = process.env.PACELINE_VERSION ?? versionOfPackage();
const stdout = new StreamOutput(process.stdout, tmpdir());
const stderr = new StreamOutput(process.stderr, tmpdir());
const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));

async function main(): Promise<ExitCode> {
  const host: CliHost = {
    version,
    environment: process.env,
    takeVariable,
    directory: currentFolder(),
    stdout,
    stderr,
    self: { command: process.execPath, args: process.argv.slice(1, 2) },
    readStdin,
    ask: terminals.includes(0) && terminals.includes(2) ? ask : null,
    exitNow,
  };
  return runProgram(process.argv.slice(2), host);
}

function takeVariable(name: string): string | null {
  const value = process.env[name];
  Reflect.deleteProperty(process.env, name);
  return value || null;
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function ask(question: string, secret: boolean): Promise<string> {
  return (await import('./ask-terminal.ts')).askTerminal(question, secret);
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new UsageError('The current folder does not exist any more.', { cause: error });
  }
}

/** Waits until what was printed has been read, or nobody reads any more. */
async function leave(code: ExitCode): Promise<never> {
  await Promise.all([stdout.flush(), stderr.flush()]);
  return exitNow(code);
}

/** Node.js aborts with a dump when it exits on a terminal that was closed: that ends as it does for everybody else. */
function exitNow(code: number): never {
  if (terminals.some((descriptor) => !isatty(descriptor))) {
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  }
  process.exit(code);
}

function fail(error: unknown): Promise<never> {
  const problem = problemOf(error);
  if (problem !== null) {
    stderr.write(`paceline: ${problem.sentence}\n`);
    return leave(problem.exitCode);
  }
  stderr.write(internalErrorText(error, version, process.env.PACELINE_LOG === 'debug'));
  return leave(EXIT.internal);
}

process.on('uncaughtException', (error) => void fail(error));
process.on('unhandledRejection', (reason) => void fail(reason));

void main().then(leave).catch(fail);

/** From a checkout that is not bundled. */
function versionOfPackage(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
