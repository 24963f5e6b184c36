import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventsWriter } from '../../src/local/events-writer.ts';
import { LogDirectory, logFileName } from '../../src/local/log-directory.ts';
import { checkReportPath, writeReport } from '../../src/local/report-writer.ts';
import type { Report } from '../../src/protocol/report.ts';
import { temporaryFolder } from './git-folder.ts';
import { jobStarted, started } from './recorded-events.ts';

const REPORT: Report = {
  ...{ schema: 1, workflow: { name: 'CI', path: 'ci.yml' }, conclusion: 'success' },
  ...{ startedAt: null, completedAt: null, diagnostics: [], jobs: [] },
};

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: folder, remove } = await temporaryFolder());
});
afterEach(() => remove());

const unexpected = (error: Error): never => {
  throw error;
};

describe('the report', () => {
  it('replaces an earlier one and leaves nothing beside it', async () => {
    const path = join(folder, 'deep/er/report.json');
    checkReportPath(path);
    await writeFile(path, 'old');
    writeReport(path, REPORT);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(REPORT);
    expect(await readdir(join(folder, 'deep/er'))).toEqual(['report.json']);
  });

  it('is refused beforehand where it cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(() => checkReportPath(join(folder, 'file/report.json'))).toThrow();
  });

  it('leaves nothing behind when it cannot be put in place', async () => {
    await mkdir(join(folder, 'report.json/full'), { recursive: true });
    expect(() => writeReport(join(folder, 'report.json'), REPORT)).toThrow();
    expect(await readdir(folder)).toEqual(['report.json']);
  });

  it('goes into a pipe, which nothing may be renamed over', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = readFile(fifo, 'utf8');
    checkReportPath(fifo);
    // The other end is open by now or is waited for: opening a FIFO for writing blocks until somebody reads.
    writeReport(fifo, REPORT);
    expect(JSON.parse(await reader)).toEqual(REPORT);
    expect(await readdir(folder)).toEqual(['fifo']);
  });
});

describe('the events', () => {
  it('are one JSON object a line, in the file as they happen', async () => {
    const path = join(folder, 'events.ndjson');
    const writer = new EventsWriter(path, unexpected);
    const events = [started('CI', { id: 'a' }), jobStarted('a')];
    for (const [index, event] of events.entries()) {
      writer.write(event);
      const lines = (await readFile(path, 'utf8')).split('\n');
      expect(lines.pop()).toBe('');
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(events.slice(0, index + 1));
    }
    writer.close();
    writer.close();
    writer.write(events[0]!);
  });

  it('say once that the disk is full, and the run goes on', () => {
    const problems: string[] = [];
    const writer = new EventsWriter('/dev/full', (error) => problems.push(String(error.code)));
    for (let n = 0; n < 3; n++) writer.write(jobStarted('a'));
    expect(problems).toEqual(['ENOSPC']);
  });
});

describe('the log directory', () => {
  it('has a file for each step', async () => {
    const logs = new LogDirectory(join(folder, 'logs'), unexpected);
    logs.openJob('build.1');
    const install = logs.openStep('build.1', 3, 'Install (npm ci)');
    const test = logs.openStep('build.1', 12, 'Test');
    install.write(Buffer.from('one\n'));
    test.write(Buffer.from('other\n'));
    install.write(Buffer.from('two\n'));
    logs.closeStep('build.1', 3);
    logs.close();
    expect((await readdir(join(folder, 'logs/build.1'))).sort()).toEqual(['03-Install-npm-ci.log', '12-Test.log']);
    expect(await readFile(join(folder, 'logs/build.1/03-Install-npm-ci.log'), 'utf8')).toBe('one\ntwo\n');
  });

  it('takes a last word after the end of a step', async () => {
    const logs = new LogDirectory(folder, unexpected);
    logs.openJob('a');
    const step = logs.openStep('a', 1, 'Test');
    step.write(Buffer.from('one\n'));
    logs.closeStep('a', 1);
    step.write(Buffer.from('last\n'));
    logs.close();
    expect(await readFile(join(folder, 'a/01-Test.log'), 'utf8')).toBe('one\nlast\n');
  });

  it('removes the logs of an earlier run of the job, and nothing else', async () => {
    await mkdir(join(folder, 'a'));
    for (const name of ['01-Old.log', '100-Old.log', 'notes.txt', '2-mine.log'])
      await writeFile(join(folder, 'a', name), '');
    new LogDirectory(folder, unexpected).openJob('a');
    expect((await readdir(join(folder, 'a'))).sort()).toEqual(['2-mine.log', 'notes.txt']);
  });

  it('says once that it cannot be written', async () => {
    const problems: string[] = [];
    await writeFile(join(folder, 'a'), '');
    const logs = new LogDirectory(folder, (error) => problems.push(String(error.code)));
    logs.openJob('a');
    logs.openStep('a', 1, 'Test').write(Buffer.from('x\n'));
    expect(problems).toEqual(['EEXIST']);
  });

  it.each([
    [1, 'Run npm test', '01-Run-npm-test.log'],
    [7, '../../etc/passwd', '07-etc-passwd.log'],
    [123, '.hidden', '123-hidden.log'],
    [2, '日本語 ✓', '02-日本語.log'],
    [2, '///', '02-step.log'],
    [2, 'a\nb\0c', '02-a-b-c.log'],
    [2, 'x'.repeat(500), `02-${'x'.repeat(60)}.log`],
  ])('names step %d %j %s', (number, name, file) => {
    expect(logFileName(number, name)).toBe(file);
  });
});
