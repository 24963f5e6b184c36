import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { handles, parseStat, readEnvironment, readProcess, variableIn } from '../../src/process/process-table.ts';
import { ownLine, ProcessScanner } from '../../src/process/process-scan.ts';

const FIELDS = 'S 10 20 30 0 -1 4194304 9 0 0 0 0 0 0 0 20 0 1 0 987654 1 2 3';

describe('the process table', () => {
  it.each(['sleep', 'a b', 'a) S 1 1 1 (b', '((', '))', 'line\nbreak', ''])(
    'reads the fields after the name (%j)',
    (name) => {
      const facts = { pid: 7, name, state: 'S', parent: 10, group: 20, session: 30, startTime: '987654' };
      expect(parseStat(7, `7 (${name}) ${FIELDS}\n`)).toEqual(facts);
    },
  );

  it.each(['', '7', '7 (cut', '7 (cut) S 1 2'])('knows nothing of what it cannot read (%j)', (text) => {
    expect(parseStat(7, text)).toBeNull();
  });

  it('knows nothing of a process that is not there', () => {
    expect(readProcess(2 ** 30)).toBeNull();
    expect(variableIn(readEnvironment(2 ** 30), 'PATH')).toBeNull();
  });

  it('reads a process with a name that looks like fields', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'paceline-name-'));
    const file = join(directory, 'x) R 1 (y');
    await copyFile('/bin/sleep', file);
    const child = spawn(file, ['999'], { env: { MY_NAME: 'not this', NAME: 'this', EMPTY: '', LAST: 'ends' } });
    await once(child, 'spawn');
    expect(readProcess(child.pid!)).toMatchObject({ name: 'x) R 1 (y', parent: process.pid });
    expect(
      ['NAME', 'EMPTY', 'LAST', 'AME', 'NONE'].map((name) => variableIn(readEnvironment(child.pid!), name)),
    ).toEqual([...['this', '', 'ends'], ...[null, null]]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await rm(directory, { recursive: true });
  });

  it('tells who handles a signal', async () => {
    const child = spawn('bash', ['-c', 'trap : USR1; echo up; read line'], { stdio: ['pipe', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    expect([10, 12].map((signal) => handles(child.pid!, signal))).toEqual([true, false]);
    child.stdin.end();
    await once(child, 'exit');
  });

  it('never offers ourselves, nor who started us', async () => {
    const processes = await new ProcessScanner(0).scan();
    const line = ownLine();
    expect(line).toContain(process.pid);
    expect(line).toContain(process.ppid);
    expect(line).toContain(1);
    expect(processes.filter(({ pid }) => line.has(pid))).toEqual([]);
  });

  it('is looked through once for all who ask before a look begins', async () => {
    const scanner = new ProcessScanner(0);
    const first = scanner.scan();
    expect(scanner.scan()).toBe(first);
    await Promise.resolve();
    await Promise.resolve();
    const second = scanner.scan();
    expect(second).not.toBe(first);
    expect(scanner.scan()).toBe(second);
    await Promise.all([first, second]);
  });
});
